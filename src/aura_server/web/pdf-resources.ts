import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

/** What pdf.js fetches when a page needs it: maps of East Asian encodings, the fonts that every reader must have, decoders. */
const FOLDERS = ["cmaps", "standard_fonts", "wasm", "iccs"];

/** Puts the resources of pdf.js into `assets/pdfjs-<version>/`: with the version in it, an address never changes its content. */
export function pdfResources(): Plugin {
  return {
    name: "pdf-resources",
    apply: "build",
    async generateBundle() {
      const description = createRequire(import.meta.url).resolve("pdfjs-dist/package.json");
      const { version } = JSON.parse(await readFile(description, "utf8")) as { version: string };
      for (const folder of FOLDERS) {
        const place = join(dirname(description), folder);
        for (const name of await readdir(place)) {
          const fileName = `assets/pdfjs-${version}/${folder}/${name}`;
          this.emitFile({ type: "asset", fileName, source: await readFile(join(place, name)) });
        }
      }
    },
  };
}
