import { screen, waitFor, within } from "@testing-library/react";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { routes } from "@/routes";
import { eventStream, FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { asAdmin, showRoutes } from "@/testing/render";
import { ANSWER, CITATION, message, PASSAGE, RESPONSE, SESSION } from "./fixtures";
import { answersOf } from "./use-answers";

const USER = LOGIN.user_id;
const HISTORY = `GET /chat/history/${USER}`;
const TEXT = `${"x".repeat(9)}\n${CITATION.quote.slice(0, 30)} and more`;
const NONE = { items: [], next_cursor: null };
let server: FakeServer;

// What is loaded when it is needed is here already: this is no test of how fast the machine is.
beforeAll(() => Promise.all([import("./chat-page"), import("./answer-text")]), 60_000);

beforeEach(async () => {
  // jsdom measures nothing: without a size the virtual list draws no row
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(800);
  server = new FakeServer({
    "POST /api/login": LOGIN,
    "GET /tenant": { organization_name: "Acme", brand_colors: {}, custom_logo: null },
    "GET /conversations": NONE,
    "GET /collections": { items: [{ id: "c1", name: "Handbook" }], next_cursor: null },
    [`GET /documents/${CITATION.document_id}/text`]: () => new Response(TEXT),
    [HISTORY]: NONE,
  });
  await asAdmin();
  answersOf(`nobody ${Math.random()}`); // answers of another test are gone
});

function streams(...events: (readonly [string, unknown])[]) {
  server.on("POST /chat/stream", () => eventStream(RESPONSE, events));
}

async function ask(question: string, path = "/") {
  const shown = showRoutes(routes, path);
  await shown.user.click(await screen.findByLabelText("Message"));
  await shown.user.paste(question);
  await shown.user.keyboard("{Enter}");
  return shown;
}

test("from a question to its source: the answer is cited, and the passage is marked in its document", async () => {
  const plain = { ...CITATION, filename: "handbook.txt", page: null };
  const answer = { ...ANSWER, citations: [plain] };
  streams(["sources", { passages: [PASSAGE] }], ["delta", { text: ANSWER.response }], ["final", answer]);
  const { user, router } = await ask("How long?");
  await user.click(await screen.findByRole("button", { name: "Citation 1: handbook.txt" }));
  const pane = await screen.findByRole("region", { name: "Source" });
  await waitFor(() => expect(pane.querySelector("mark")).toHaveTextContent(CITATION.quote.slice(0, 30)));
  expect(router.state.location.pathname).toBe(`/c/${SESSION}`);
  await user.click(within(pane).getByRole("button", { name: "Close the source" }));
  expect(screen.queryByRole("region", { name: "Source" })).toBeNull();
});

test("where there is no document yet, the first thing to do is to add some", async () => {
  server.on("GET /documents/", NONE);
  showRoutes(routes, "/");
  expect(await screen.findByRole("link", { name: "Add documents" })).toHaveAttribute("href", "/library");
  expect(screen.queryByRole("button", { name: "What do the documents tell about?" })).toBeNull();
});

test("nothing found is a state of its own, with what to do next", async () => {
  streams(
    ["sources", { passages: [] }],
    ["refusal", { ...ANSWER, refused: true, citations: [], response: "I found nothing." }],
  );
  await ask("Who won?");
  expect(await screen.findByRole("heading", { name: "Nothing found in your documents" })).toBeVisible();
  expect(screen.getByText(/Ask in other words/)).toBeVisible();
});

test("a conversation that there is not is said to be gone, and is not asked for again", async () => {
  server.on(HISTORY, problem(404, "there is no such conversation"));
  const { user, router } = showRoutes(routes, `/c/${SESSION}`);
  expect(await screen.findByRole("heading", { name: "There is no such conversation" })).toBeVisible();
  expect(screen.queryByRole("button", { name: "Try again" })).toBeNull();
  const links = screen.getAllByRole("link", { name: "New chat" });
  await user.click(links[links.length - 1] as HTMLElement);
  await waitFor(() => expect(router.state.location.pathname).toBe("/"));
});

test("a failed answer keeps the question and is asked again by one button", async () => {
  server.on("POST /chat/stream", problem(503, "the model is away"));
  const { user } = await ask("How long?");
  const again = await screen.findByRole("button", { name: "Try again" });
  expect(screen.getByText("How long?")).toBeVisible();
  streams(["delta", { text: "47 days" }], ["final", { ...ANSWER, citations: [] }]);
  await user.click(again);
  await screen.findByRole("toolbar", { name: "Actions for this answer" });
  expect(screen.getAllByText("How long?")).toHaveLength(1);
});

test("what can be done with an answer: details, an opinion with a reason, what to ask next", async () => {
  streams(["sources", { passages: [PASSAGE] }], ["final", ANSWER]);
  server.on("POST /chat/feedback", () => new Response(null, { status: 204 }));
  const { user } = await ask("How long?");
  await user.click(await screen.findByRole("button", { name: "Model, cost and timings" }));
  expect(screen.getByText("extractive")).toBeVisible();
  expect(screen.getByText("$0.0012")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Not a good answer" }));
  await user.click(await screen.findByRole("radio", { name: "Not in the source" }));
  await user.type(screen.getByLabelText("What should it have said?"), "30 days");
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send" }));
  await waitFor(() => expect(server.of("POST /chat/feedback").at(-1)?.body).toEqual({
    message_id: ANSWER.message_id, rating: -1, reason: "unsupported", comment: "30 days",
  })); // biome-ignore format: short
  await user.click(screen.getByRole("button", { name: "What about “Opened parcels”?" }));
  await waitFor(() => expect(server.of("POST /chat/stream")[1]?.body).toMatchObject({ session_id: SESSION }));
});

test("the last message is edited by the arrow key, and a draft outlives the page", async () => {
  server.on(HISTORY, {
    items: [message("assistant", "47 days", 2), message("user", "How long?", 1)],
    next_cursor: null,
  });
  const { user, unmount } = showRoutes(routes, `/c/${SESSION}`);
  await screen.findByText("How long?");
  const field = screen.getByLabelText("Message");
  await user.type(field, "{ArrowUp}");
  expect(field).toHaveValue("How long?");
  await user.type(field, " In weeks?");
  unmount();
  showRoutes(routes, `/c/${SESSION}`);
  expect(await screen.findByLabelText("Message")).toHaveValue("How long? In weeks?");
});

test("a question is asked of one collection, and a temporary chat has no address", async () => {
  streams(["final", { ...ANSWER, session_id: null, message_id: null }]);
  const { user, router } = showRoutes(routes, "/");
  await screen.findByRole("option", { name: "Handbook" });
  await user.selectOptions(screen.getByLabelText("Which documents to search"), "Handbook");
  await user.click(screen.getByRole("button", { name: "Temporary" }));
  await user.type(screen.getByLabelText("Message"), "How long?{Enter}");
  await screen.findByRole("toolbar", { name: "Actions for this answer" });
  expect(server.of("POST /chat/stream")[0]?.body).toMatchObject({ collection: "Handbook", temporary: true });
  expect(router.state.location.pathname).toBe("/");
});

test("an answer that is wanted again takes the place of the old one, which stays until then", async () => {
  const [question, answer] = [message("user", "How long?", 1), message("assistant", "47 days", 2)];
  server.on(HISTORY, { items: [answer, question], next_cursor: null });
  server.on("POST /chat/stream", problem(503, "the model is away"));
  const { user } = showRoutes(routes, `/c/${SESSION}`);
  await user.click(await screen.findByRole("button", { name: "Answer again" }));
  expect(await screen.findByRole("alert")).toBeVisible();
  expect(screen.getByText("47 days")).toBeVisible();
  expect(screen.getAllByRole("article")).toHaveLength(2);
  const added = {
    ...ANSWER,
    response: "Forty-seven",
    citations: [],
    message_id: message("assistant", "", 4).message_id,
  };
  streams(["delta", { text: "Forty-seven" }], ["final", added]);
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Forty-seven")).toBeVisible();
  expect(screen.queryByText("47 days")).toBeNull();
  expect(screen.getAllByRole("article")).toHaveLength(1);
  const asked = server.of("POST /chat/stream").map(({ body }) => body);
  expect(asked).toMatchObject(Array(2).fill({ session_id: SESSION, replaces: answer.message_id }));
  expect(server.received.filter(({ method }) => method === "DELETE")).toEqual([]);
});

test("what was to be replaced and is gone already is no reason not to ask", async () => {
  server.on(HISTORY, {
    items: [message("assistant", "47 days", 2), message("user", "How long?", 1)],
    next_cursor: null,
  });
  server.on("POST /chat/stream", problem(404, "there is no such message in the conversation"));
  const { user } = showRoutes(routes, `/c/${SESSION}`);
  await user.click(await screen.findByRole("button", { name: "Answer again" }));
  server.on(HISTORY, NONE);
  streams(["final", { ...ANSWER, response: "Forty-seven", citations: [] }]);
  await user.click(await screen.findByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Forty-seven")).toBeVisible();
  expect(server.of("POST /chat/stream").at(-1)?.body).toMatchObject({ replaces: null });
});

test("an edited message goes with what followed it, and says so; what was being typed comes back", async () => {
  const said = [4, 3, 2, 1].map((n) => message(n % 2 ? "user" : "assistant", `text ${n}`, n));
  server.on(HISTORY, { items: said, next_cursor: null });
  streams(["final", { ...ANSWER, response: "new answer", citations: [] }]);
  const { user } = showRoutes(routes, `/c/${SESSION}`);
  await screen.findByText("text 1");
  const field = screen.getByLabelText("Message");
  await user.type(field, "a draft");
  const [first] = screen.getAllByRole("button", { name: "Edit and ask again" });
  await user.click(first as HTMLElement);
  expect(field).toHaveValue("text 1");
  expect(screen.getByText(/and the message after it/)).toBeVisible();
  await user.keyboard("{Escape}");
  expect(field).toHaveValue("a draft");
  await user.click(screen.getAllByRole("button", { name: "Edit and ask again" })[0] as HTMLElement);
  await user.type(field, ", in weeks{Enter}");
  expect(await screen.findByText("new answer")).toBeVisible();
  expect(screen.getByText("text 1, in weeks")).toBeVisible();
  expect(screen.queryByText("text 3")).toBeNull();
  expect(server.of("POST /chat/stream")[0]?.body).toMatchObject({ replaces: said[2]?.message_id });
  expect(field).toHaveValue("a draft");
});
