import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { bars, path } from "@/components/bar-chart";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin, show, showRoutes } from "@/testing/render";
import { Component as Console } from "./admin-page";
import { byDay, daysOf } from "./cost-data";
import { Ratings } from "./ratings";

const SPENT = {
  calls: 1,
  cost_micro_usd: 2_000_000,
  failures: 0,
  own_key_micro_usd: 0,
  tokens_cached: 0,
  tokens_in: 1,
  tokens_out: 1,
  unpriced: 0,
};

test("who is no admin is told so, and nothing is asked of the server", async () => {
  const server = new FakeServer({ "POST /api/login": { ...LOGIN, role: "user" } });
  await asAdmin();
  showRoutes([{ path: "/console/*", element: <Console /> }], "/console/members");
  expect(screen.getByRole("heading", { name: "For admins" })).toBeVisible();
  expect(server.received.filter((each) => each.path !== "/api/login")).toEqual([]);
});

test("a manager sees figures and costs, and is told that the rest is for admins", async () => {
  const server = new FakeServer({ "POST /api/login": { ...LOGIN, role: "manager" } });
  await asAdmin();
  showRoutes([{ path: "/console/*", element: <Console /> }], "/console/members");
  expect(screen.getByRole("heading", { name: "For admins" })).toBeVisible();
  expect(screen.getByRole("link", { name: "Costs" })).toBeVisible();
  expect(screen.queryByRole("link", { name: "Members" })).toBeNull();
  expect(server.of("GET /tenant/users")).toEqual([]);
});

test("a budget is typed in dollars and sent in millionths of them", async () => {
  const nothing = { items: [], next_cursor: null };
  const server = new FakeServer({
    "POST /api/login": LOGIN,
    "GET /admin/costs": {
      period: { first: "2026-11-01", last: "2026-11-02" },
      by: ["day"],
      lines: [],
      total: { ...SPENT, calls: 0 },
    },
    "GET /tenant/budgets": nothing,
    "GET /tenant/users": nothing,
    "GET /tenant/keys": nothing,
    "PUT /tenant/budgets": {},
  });
  await asAdmin();
  const { user } = showRoutes([{ path: "/console/*", element: <Console /> }], "/console/costs");
  await user.type(await screen.findByLabelText("US dollars"), "12.5");
  await user.click(screen.getByRole("button", { name: "Set the budget" }));
  const sent = { subject: "tenant", span: "month", max_micro_usd: 12_500_000 };
  await waitFor(() => expect(server.of("PUT /tenant/budgets").map((each) => each.body)).toEqual([sent]));
});

test("what the audit is searched for stands in its address, and comes back with it", async () => {
  const nothing = { items: [], next_cursor: null };
  const server = new FakeServer({
    "POST /api/login": LOGIN,
    "GET /admin/audit": nothing,
    "GET /tenant/users": { items: [{ id: LOGIN.user_id, name: "Ada", email: "ada@acme.example" }], next_cursor: null },
  });
  await asAdmin();
  const console = [{ path: "/console/*", element: <Console /> }];
  const { user, router } = showRoutes(console, "/console/audit?since=2026-11-01&action=nonsense&until=soon");
  await user.selectOptions(await screen.findByLabelText("What"), "key_made");
  await screen.findByRole("option", { name: "Ada" });
  await user.selectOptions(screen.getByLabelText("Who"), "Ada");
  const wanted = { action: "key_made", actor: LOGIN.user_id, since: "2026-11-01T00:00:00Z", limit: "100" };
  await waitFor(() => expect(Object.fromEntries(server.of("GET /admin/audit").at(-1)?.query ?? [])).toEqual(wanted));
  const { pathname, search } = router.state.location;
  const { unmount } = showRoutes(console, pathname + search);
  await waitFor(() => expect(screen.getAllByLabelText("What").at(-1)).toHaveValue("key_made"));
  expect(screen.getAllByLabelText("From").at(-1)).toHaveValue("2026-11-01");
  unmount();
});

test("what was bad about answers is read as it was written", async () => {
  const rated = {
    message_id: "m1",
    question: "How long?",
    turns: [],
    answer: "47 days",
    refused: false,
    reason: "unsupported",
    comment: "<b>30 days</b>",
    rated_at: "2026-11-26T06:00:00Z",
  };
  new FakeServer({ "POST /api/login": LOGIN, "GET /chat/feedback": { items: [rated], next_cursor: null } });
  await asAdmin();
  show(<Ratings rated={1} />);
  const row = (await screen.findByText("<b>30 days</b>")).closest("tr");
  for (const said of ["How long?", "47 days", "Not in the source"]) expect(row).toHaveTextContent(said);
});

test("costs are gathered by day, the dearest group first, and what is left over is one group", () => {
  const days = daysOf("2026-11-29", "2026-12-01");
  expect(days).toEqual(["2026-11-29", "2026-11-30", "2026-12-01"]);
  const lines = ["a", "b", "c", "d", "e", "f"].map((model, at) => ({
    day: "2026-11-30",
    model,
    spent: { ...SPENT, cost_micro_usd: at * 1_000_000 },
  }));
  const series = byDay(lines, days, (line) => line.model ?? "");
  expect(series.map((each) => each.name)).toEqual(["f", "e", "d", "c", "…"]);
  expect(series.at(-1)?.values).toEqual([0, 1, 0]);
});

test("a line goes through what there is, is broken where there is nothing, and one day alone is seen", () => {
  expect(path([2, 4, 0, 4], 4)).toBe("M80.0 82.0L240.0 4.0M540.0 4.0h40.0");
  expect(path([1], 0)).toBe("");
});

test("bars stand on each other and the highest fills the chart", () => {
  const found = bars(
    2,
    [
      { name: "a", values: [1, 2] },
      { name: "b", values: [3, 0] },
    ],
    4,
  );
  const [low, , high] = found;
  expect(found).toHaveLength(3);
  expect(low && high && high.box.y + high.box.height).toBeCloseTo(low?.box.y ?? 0);
  expect(bars(2, [{ name: "a", values: [0, 0] }], 0)).toEqual([]);
});
