import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { routes } from "@/routes";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin, showRoutes } from "@/testing/render";

const NOTHING = { items: [], next_cursor: null };

test.each(["/nonsense", "/chat/unknown", "/settings/nonsense", "/console/nonsense", "/library/a/b"])(
  "%s says that there is no such page, beside the menu, and leads back",
  async (address) => {
    new FakeServer({ "POST /api/login": LOGIN, "GET /conversations": NOTHING });
    await asAdmin();
    const { user, router } = showRoutes(routes, address);
    await screen.findAllByText("There is no such page");
    expect(screen.getByRole("complementary")).toBeVisible();
    await user.click(screen.getByRole("link", { name: "To the chat" }));
    await waitFor(() => expect(router.state.location.pathname).toBe("/"));
  },
);
