import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventStream, FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { asAdmin } from "@/testing/render";
import { Answers, NEW } from "./answers";
import { ANSWER, CITATION, PASSAGE, RESPONSE, SESSION } from "./fixtures";
import { AS_USUAL, type Turn } from "./turns";

const USER = LOGIN.user_id;
const EVENTS = [
  ["sources", { passages: [PASSAGE] }],
  ["delta", { text: "You have 47 days" }],
  ["delta", { text: " [1]." }],
  ["citation", CITATION],
  ["final", ANSWER],
] as const;

let server: FakeServer;

beforeEach(async () => {
  server = new FakeServer({ "POST /api/login": LOGIN, "POST /chat/stop": new Response(null, { status: 202 }) });
  await asAdmin();
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 50 });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A stream that gives `events` and then stays open, until it is cut. */
function hanging(events: readonly (readonly [string, unknown])[]) {
  let cut: () => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const text = await eventStream(RESPONSE, events).text();
      controller.enqueue(new TextEncoder().encode(text));
      cut = () => controller.error(new TypeError("network error"));
    },
  });
  return { response: new Response(body, { headers: { "X-Response-Id": RESPONSE } }), cut: () => cut() };
}

async function turn(answers: Answers, key: string, wanted: (turn: Turn) => boolean): Promise<Turn> {
  return vi.waitFor(
    () => {
      const last = answers.of(key).at(-1);
      if (!last || !wanted(last)) throw new Error(`it is ${last?.phase} with "${last?.text}"`);
      return last;
    },
    { timeout: 4_000 },
  );
}

test("an answer grows, is cited, and its conversation gets its id", async () => {
  server.on("POST /chat/stream", eventStream(RESPONSE, EVENTS));
  const answers = new Answers(USER);
  const named = vi.fn();
  answers.onNamed = named;
  answers.ask(NEW, "How long?", { ...AS_USUAL, collection: "Handbook" });
  const done = await turn(answers, SESSION, ({ phase }) => phase === "answered");
  expect(done).toMatchObject({ text: ANSWER.response, citations: [CITATION], model: "extractive" });
  expect(named).toHaveBeenCalledWith(NEW, SESSION);
  expect(answers.of(NEW)).toEqual([]);
  const [sent] = server.of("POST /chat/stream");
  expect(sent?.body).toMatchObject({ message: "How long?", collection: "Handbook", session_id: null });
  expect(sent?.headers.get("authorization")).toBe("Bearer token-1");
});

test("after a lost connection it goes on behind the last event, and says nothing twice", async () => {
  const first = hanging(EVENTS.slice(0, 2));
  const rest = eventStream(RESPONSE, EVENTS.slice(2), 2);
  server.on("POST /chat/stream", (request: Request) => (request.headers.has("last-event-id") ? rest : first.response));
  const answers = new Answers(USER);
  answers.ask(SESSION, "How long?", AS_USUAL);
  await turn(answers, SESSION, ({ text }) => text === "You have 47 days");
  first.cut();
  await turn(answers, SESSION, ({ phase }) => phase === "lost");
  const done = await turn(answers, SESSION, ({ phase }) => phase === "answered");
  expect(done.text).toBe(ANSWER.response);
  expect(server.of("POST /chat/stream")[1]?.headers.get("last-event-id")).toBe(`${RESPONSE}:1`);
});

test("after a reload in mid-answer it is read again from its beginning", async () => {
  server.on("POST /chat/stream", hanging(EVENTS.slice(0, 2)).response);
  const before = new Answers(USER);
  before.ask(SESSION, "How long?", AS_USUAL);
  await turn(before, SESSION, ({ text }) => text !== "");
  server.on("POST /chat/stream", eventStream(RESPONSE, EVENTS));
  const after = new Answers(USER);
  const done = await turn(after, SESSION, ({ phase }) => phase === "answered");
  expect(done).toMatchObject({ question: "How long?", text: ANSWER.response });
  expect(server.of("POST /chat/stream")[1]?.headers.get("last-event-id")).toBe(`${RESPONSE}:`);
  expect(new Answers(USER).of(SESSION)).toEqual([]);
  expect(new Answers("somebody else").of(SESSION)).toEqual([]);
});

test("stopping asks the server by the answer's id, also before its first event", async () => {
  server.on("POST /chat/stream", hanging([["ping", {}]]).response);
  const answers = new Answers(USER);
  answers.ask(SESSION, "How long?", AS_USUAL);
  await vi.waitFor(() => expect(sessionStorage.getItem(`aura.answers.${USER}`)).not.toBeNull());
  answers.stop(SESSION);
  await vi.waitFor(() => expect(server.of("POST /chat/stop")[0]?.body).toEqual({ response_id: RESPONSE }));
});

test("what the server refuses is a turn that failed, with its question kept", async () => {
  server.on("POST /chat/stream", problem(402, "the budget of this month is used up"));
  const answers = new Answers(USER);
  answers.ask(SESSION, "How long?", AS_USUAL);
  const failed = await turn(answers, SESSION, ({ phase }) => phase === "failed");
  expect(failed.question).toBe("How long?");
  expect(String(failed.error)).toContain("the budget of this month");
});

test("a new chat leaves an answer that is coming alone, and its conversation is found afterwards", async () => {
  const first = hanging(EVENTS.slice(0, 2));
  server.on("POST /chat/stream", (request: Request) =>
    request.headers.has("last-event-id") ? eventStream(RESPONSE, EVENTS.slice(2), 2) : first.response,
  );
  const answers = new Answers(USER);
  answers.ask(NEW, "How long?", AS_USUAL);
  await turn(answers, NEW, ({ text }) => text !== "");
  answers.setAside();
  expect(answers.of(NEW)).toEqual([]);
  first.cut();
  expect(await turn(answers, SESSION, ({ phase }) => phase === "answered")).toMatchObject({ text: ANSWER.response });
});
