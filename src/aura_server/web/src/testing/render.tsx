import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { createMemoryRouter, type RouteObject, RouterProvider } from "react-router";
import { Announcer } from "@/components/announcer";
import { Toasts } from "@/components/toasts";
import { logIn } from "@/session/session";

/** Draw `content` at `path`, with what the application has around it, and somebody to use it. */
export function show(content: ReactNode, { path = "/", routes = [] as RouteObject[] } = {}) {
  const router = createMemoryRouter([{ path: "*", element: content }, ...routes], { initialEntries: [path] });
  return { ...renderRouter(router), router };
}

/** Draw the application's own routes at `path`. */
export function showRoutes(routes: RouteObject[], path: string) {
  const router = createMemoryRouter(routes, { initialEntries: [path] });
  return { ...renderRouter(router), router };
}

/** Be logged in as the fake server's admin. */
export const asAdmin = (): Promise<void> => logIn("admin@acme.example", "a long password", "acme");

function renderRouter(router: ReturnType<typeof createMemoryRouter>) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const user = userEvent.setup({ delay: null });
  const shown = render(
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
      <Toasts />
      <Announcer />
    </QueryClientProvider>,
  );
  return { ...shown, user, queries };
}
