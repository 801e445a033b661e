import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./theme/tokens.css";
import "./theme/base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { queryClient } from "./api/queries";
import { Announcer } from "./components/announcer";
import { Toasts } from "./components/toasts";
import { startLanguage } from "./i18n";
import { browserRouter } from "./routes";
import { current, restore, subscribe } from "./session/session";
import { startTheme } from "./theme/theme";

async function start(): Promise<void> {
  startTheme();
  await Promise.all([startLanguage(), restore()]);
  const queries = queryClient();
  subscribe(() => {
    if (current().status === "out") queries.clear(); // the next one on this machine sees nothing of it
  });
  const root = document.getElementById("root");
  if (root === null) throw new Error("the page has no place for the application");
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={browserRouter()} />
        <Toasts />
        <Announcer />
      </QueryClientProvider>
    </StrictMode>,
  );
}

void start();
