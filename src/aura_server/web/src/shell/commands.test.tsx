import { screen } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin, show } from "@/testing/render";
import Commands from "./commands";

const SEARCH = "GET /conversations/search";
let server: FakeServer;

beforeEach(async () => {
  server = new FakeServer({ "POST /api/login": LOGIN });
  await asAdmin();
});

test("that nothing was found is said when it is known, and then there is no empty list", async () => {
  let answer: (found: unknown) => void = () => undefined;
  server.on(SEARCH, () => new Promise((resolve) => (answer = resolve)));
  const { user } = show(<Commands onClose={() => undefined} />);
  await user.type(screen.getByRole("combobox"), "otters");
  await vi.waitFor(() => expect(server.of(SEARCH).at(-1)?.query.get("q")).toBe("otters"));
  expect(screen.queryByText("Nothing found.")).toBeNull();
  expect(screen.queryByRole("listbox")).toBeNull();
  answer({ items: [] });
  expect(await screen.findByText("Nothing found.")).toBeVisible();
  expect(screen.queryByRole("listbox")).toBeNull();
  expect(screen.getByRole("combobox")).toHaveAttribute("aria-expanded", "false");
});
