/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { pdfResources } from "./pdf-resources";
import { precompress } from "./precompress";

/** Where `npm run dev` finds a running server: `AURA_SERVER=http://127.0.0.1:8000 npm run dev`. */
const server = process.env.AURA_SERVER ?? "http://127.0.0.1:8000";

/** What is the server's and not a page of ours. A page that is opened by its address asks for HTML. */
const API = [
  "/api",
  "/chat",
  "/conversations",
  "/documents",
  "/collections",
  "/memory",
  "/persona",
  "/voice",
  "/tenant",
  "/admin",
  "/v1",
  "/health",
  "/schema",
  "/ws",
  "/platform",
];

const proxied = (path: string) => [
  path,
  {
    target: server,
    ws: true,
    bypass: (request: { headers: Record<string, unknown>; url?: string }) =>
      String(request.headers.accept ?? "").includes("text/html") ? "/index.html" : undefined,
  },
];

export default defineConfig({
  plugins: [react(), pdfResources(), precompress()],
  base: "/",
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "dist",
    target: "es2022",
    // A data: address of a font or a script would need a hole in the content security policy.
    assetsInlineLimit: 0,
    sourcemap: false,
    manifest: true,
  },
  server: { proxy: Object.fromEntries(API.map(proxied)) },
  test: {
    environment: "jsdom",
    setupFiles: ["src/testing/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 30_000, // a busy machine is slow, not wrong
    css: { modules: { classNameStrategy: "non-scoped" } },
  },
});
