import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { asAdmin, show } from "@/testing/render";
import { Account } from "./account";
import { Keys } from "./keys";
import { MemoryPart } from "./memory";
import { PersonaPart } from "./persona";

const PERSONA = {
  formality: 0,
  detail: 0.3,
  energy: 0,
  language: "auto",
  address: "",
  emoji: "auto",
  locked: ["formality"],
  learned: {
    text: {
      detail: {
        value: 0.3,
        confidence: 0.7,
        evidence: [{ towards: "more", kind: "asked", weight: 1, at: "2026-11-26T06:00:00Z", message_id: null }],
      },
    },
    voice: {},
  },
};
const PREVIEW = { persona: PERSONA, wording: ["Be brief."], before: null, after: null };
const FACT = {
  id: "f1",
  text: "You work in Lisbon",
  learned_at: "2026-11-26T06:00:00Z",
  source: "rules",
  status: "live",
  category: "work",
  kind: "place",
  slot: "work.place",
  negated: false,
  language: "en",
  confidence: 0.9,
  evidence: 1,
  pinned: false,
  edited: false,
  event_from: null,
  event_to: null,
  valid_from: "2026-11-26T06:00:00Z",
  valid_to: null,
  superseded_by: null,
};

async function served(routes: Record<string, unknown>): Promise<FakeServer> {
  const server = new FakeServer({ "POST /api/login": LOGIN, ...routes });
  await asAdmin();
  return server;
}

test("a scale that is moved is previewed, saved, and nothing else is sent", async () => {
  const routes = { "GET /persona/": PERSONA, "POST /persona/preview": PREVIEW, "PUT /persona/": PERSONA };
  const server = await served(routes);
  const { user } = show(<PersonaPart />);
  await user.type(await screen.findByLabelText("How to address you"), "Dr. Okafor");
  expect(await screen.findByText("Be brief.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(server.of("PUT /persona/").map((each) => each.body)).toEqual([{ address: "Dr. Okafor" }]));
});

test("what was learned is shown with its evidence, and a lock can be opened", async () => {
  const routes = { "GET /persona/": PERSONA, "POST /persona/preview": PREVIEW, "PUT /persona/": PERSONA };
  const server = await served({ ...routes, "DELETE /persona/learned": PERSONA });
  const { user } = show(<PersonaPart />);
  expect(await screen.findByText("0.300, 70% sure")).toBeVisible();
  expect(screen.getByText("Why: 1 sign")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Forget: Detail" }));
  await waitFor(() =>
    expect(server.of("DELETE /persona/learned")[0]?.query.toString()).toBe("axis=detail&channel=text"),
  );
  await user.click(screen.getByRole("button", { name: "Let it be learned: Formality" }));
  await waitFor(() => expect(server.of("PUT /persona/")[0]?.body).toEqual({ formality: null }));
});

test("a fact is forgotten after one is asked, and the list is read anew", async () => {
  const server = await served({
    "GET /memory/facts": { items: [FACT], next_cursor: null },
    "GET /memory/settings": { learns: true, sensitive: false, time_zone: "UTC" },
    "DELETE /memory/facts/f1": { receipt: {} },
  });
  const { user } = show(<MemoryPart />);
  await user.click(await screen.findByRole("button", { name: "Forget: You work in Lisbon" }));
  server.on("GET /memory/facts", { items: [], next_cursor: null });
  expect(server.of("DELETE /memory/facts/f1")).toHaveLength(0);
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Forget" }));
  expect(await screen.findByText("Nothing is remembered")).toBeVisible();
});

test("what stands below the facts is drawn with them, so that no button moves, and who put a fact right is said", async () => {
  let answer = (_: unknown) => {};
  const facts = new Promise<unknown>((resolve) => {
    answer = resolve;
  });
  await served({
    "GET /memory/facts": () => facts,
    "GET /memory/settings": { learns: true, sensitive: false, time_zone: "UTC" },
  });
  show(<MemoryPart />);
  expect(await screen.findByText("What is remembered of you")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Erase everything" })).toBeNull();
  answer({ items: [{ ...FACT, edited: true, source: "edited by the user" }], next_cursor: null });
  expect(await screen.findByRole("button", { name: "Erase everything" })).toBeVisible();
  expect(screen.getByText(/put right by you/)).toBeVisible();
  expect(screen.queryByText(/edited by the user/)).toBeNull();
});

test("a new key is shown once, with what it may do", async () => {
  const key = {
    id: "k1",
    name: "intranet",
    prefix: "aura_sk_ab",
    user_id: "u1",
    scopes: { verbs: ["read"], collections: null },
    created_at: "2026-11-26T06:00:00Z",
    expires_at: null,
    last_used_at: null,
    monthly_calls: null,
    requests_per_minute: null,
  };
  const server = await served({
    "GET /tenant/keys": { items: [], next_cursor: null },
    "POST /tenant/keys": { ...key, key: "aura_sk_secret" },
  });
  const { user } = show(<Keys />);
  await user.click(await screen.findByRole("button", { name: "New API key" }));
  await user.type(screen.getByLabelText("Name"), "intranet");
  await user.click(screen.getByRole("switch", { name: "Ask" }));
  await user.click(screen.getByRole("button", { name: "Make the key" }));
  expect(await screen.findByText("aura_sk_secret")).toBeVisible();
  expect(server.of("POST /tenant/keys")[0]?.body).toMatchObject({ name: "intranet", scopes: { verbs: ["read"] } });
  await user.click(screen.getByRole("button", { name: "I have kept it" }));
  expect(screen.queryByText("aura_sk_secret")).toBeNull();
});

test("a password is changed after what was wrong was said, with nothing lost, and it ends the session", async () => {
  const server = await served({ "GET /tenant": { subdomain: "acme", custom_logo: null, brand_colors: {} } });
  server.on("POST /api/logout", new Response(null, { status: 204 }));
  server.on("POST /api/password", problem(403, "the current password is wrong"));
  const { user } = show(<Account />);
  const old = screen.getByLabelText("Password until now");
  const fresh = screen.getByLabelText("New password");
  await user.type(old, "not mine");
  await user.type(fresh, "short{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("the current password is wrong");
  server.on("POST /api/password", problem(400, "refused", [{ field: "password", message: "it is too short" }]));
  await user.click(screen.getByRole("button", { name: "Change the password" }));
  await waitFor(() => expect(fresh).toHaveAccessibleDescription(expect.stringContaining("it is too short")));
  expect(fresh).toBeInvalid();
  expect(screen.queryByText("the current password is wrong")).toBeNull();
  expect([old, fresh].map((each) => (each as HTMLInputElement).value)).toEqual(["not mine", "short"]);
  server.on("POST /api/password", new Response(null, { status: 204 }));
  await user.type(fresh, " but long enough now{Enter}");
  await waitFor(() => expect(server.of("POST /api/logout")).toHaveLength(1));
  const sent = { old_password: "not mine", new_password: "short but long enough now" };
  expect(server.of("POST /api/password").at(-1)?.body).toEqual(sent);
  expect(screen.getByText("The password is changed. Log in with the new one.")).toBeVisible();
});
