import { createBrowserRouter, type RouteObject, redirect } from "react-router";
import { ErrorPage } from "./shell/error-page";
import { NoSuchPage } from "./shell/no-such-page";
import { Shell } from "./shell/shell";

const Nothing = () => null;

/** The pages. Each is a module of its own, loaded when it is opened, that exports `Component`. */
export const routes: RouteObject[] = [
  {
    errorElement: <ErrorPage />,
    HydrateFallback: Nothing,
    children: [
      { path: "/login", lazy: () => import("./pages/access/login") },
      { path: "/signup", lazy: () => import("./pages/access/signup") },
      {
        element: <Shell />,
        children: [
          {
            // One page for both, so that a conversation that gets its address is not drawn anew.
            lazy: () => import("./pages/chat/chat-page"),
            children: [
              { index: true, Component: Nothing },
              { path: "/c/:conversation", Component: Nothing },
            ],
          },
          { path: "/library/*", lazy: () => import("./pages/documents/documents-page") },
          // Led on before anything is drawn: who goes on meanwhile is not fetched back.
          { path: "/settings", loader: () => redirect("/settings/persona") },
          { path: "/console", loader: () => redirect("/console/dashboard") },
          { path: "/settings/*", lazy: () => import("./pages/settings/settings-page") },
          { path: "/console/*", lazy: () => import("./pages/admin/admin-page") },
          { path: "*", Component: NoSuchPage },
        ],
      },
    ],
  },
];

/** The router of the browser's address. */
export const browserRouter = () => createBrowserRouter(routes);
