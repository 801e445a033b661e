import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin } from "@/testing/render";
import { Line, type Told } from "./line";

/** A socket whose other end is the test. */
class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readonly url: URL;
  readonly readyState = FakeSocket.OPEN;
  readonly sent: Told[] = [];
  onmessage: (event: { data: string }) => void = () => undefined;
  onclose: (event: { code: number; reason: string }) => void = () => undefined;

  constructor(url: URL) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as Told);
  }
  close() {
    this.onclose({ code: 1005, reason: "" });
  }
  tell(...events: Told[]) {
    for (const event of events) this.onmessage({ data: JSON.stringify(event) });
  }
}

const CREATED = { type: "session.created" };
const resume = (token: string) => ({ type: "aura.resume", token, expires_in_seconds: 30, resumed: false });
const refusal = (message: string) => ({ type: "error", error: { code: "x", message } });

beforeEach(async () => {
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  let tickets = 0;
  new FakeServer({ "POST /api/login": LOGIN, "POST /api/ticket": () => ({ ticket: `ticket-${++tickets}` }) });
  await asAdmin();
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 50 });
});

let lines: Line[] = [];

afterEach(() => {
  for (const line of lines) line.close();
  lines = [];
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function opened(conversation: string | null = null) {
  const hearer = { onEvent: vi.fn(), onLost: vi.fn(), onFailed: vi.fn() };
  const line = new Line({ conversation: () => conversation, collection: null }, hearer);
  lines.push(line);
  await line.open();
  return { line, ...hearer, socket: FakeSocket.all[0] as FakeSocket };
}

/** The connection of this number, once it is opened. */
async function connection(number: number): Promise<FakeSocket> {
  return vi.waitFor(
    () => {
      const found = FakeSocket.all[number];
      if (!found) throw new Error(`${FakeSocket.all.length} connections`);
      return found;
    },
    { timeout: 5_000 },
  );
}

test("a call that is cut off goes on over another connection, by the token that it was told last", async () => {
  const { line, onLost, onFailed, onEvent, socket } = await opened();
  socket.tell(CREATED, resume("first"));
  socket.onclose({ code: 1006, reason: "" });
  expect(onLost).toHaveBeenCalledTimes(1);
  line.send({ type: "nobody hears this" });
  const second = await connection(1);
  expect(Object.fromEntries(second.url.searchParams)).toEqual({ token: "ticket-2", model: "aura", resume: "first" });
  second.tell(CREATED, resume("second"));
  line.send({ type: "heard" });
  expect([...socket.sent, ...second.sent]).toEqual([{ type: "heard" }]);
  second.onclose({ code: 1012, reason: "" });
  expect((await connection(2)).url.searchParams.get("resume")).toBe("second");
  expect(onEvent).toHaveBeenCalledTimes(4);
  expect(onFailed).not.toHaveBeenCalled();
});

test("a browser that has no network any more does not wait for its socket to notice", async () => {
  const { onLost, socket } = await opened();
  socket.tell(CREATED, resume("first"));
  window.dispatchEvent(new Event("offline"));
  window.dispatchEvent(new Event("offline"));
  expect(onLost).toHaveBeenCalledTimes(1);
  window.dispatchEvent(new Event("online"));
  expect((await connection(1)).url.searchParams.get("resume")).toBe("first");
});

test("who comes back too late goes on in the same conversation, and is not told what the token was refused for", async () => {
  const { onFailed, onEvent, socket } = await opened("c1");
  expect(socket.url.searchParams.get("conversation")).toBe("c1");
  socket.tell(CREATED, resume("first"));
  socket.onclose({ code: 1006, reason: "" });
  const second = await connection(1);
  expect(second.url.searchParams.has("conversation")).toBe(false);
  second.tell(refusal("there is nothing to resume"));
  second.onclose({ code: 1008, reason: "NotFound" });
  const third = await connection(2);
  expect([third.url.searchParams.get("resume"), third.url.searchParams.get("conversation")]).toEqual([null, "c1"]);
  third.tell(CREATED);
  expect(onEvent.mock.lastCall).toEqual([CREATED]);
  expect(onEvent).toHaveBeenCalledTimes(3);
  expect(onFailed).not.toHaveBeenCalled();
});

test.each([
  [[CREATED, resume("first"), refusal("the organisation has no minutes left")], 1000],
  [[refusal("as many calls are open as the plan allows")], 1008],
])("a call that the server ends or refuses is not begun again, and says why", async (told, code) => {
  const { onLost, onFailed, socket } = await opened();
  socket.tell(...told);
  socket.onclose({ code, reason: "minutes_limit" });
  expect(String(onFailed.mock.lastCall?.[0])).toMatch(/no minutes left|as many calls are open/);
  expect(onLost).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(FakeSocket.all).toHaveLength(1);
});

test("a call that is hung up is not begun again", async () => {
  const { line, onFailed, onLost, socket } = await opened();
  socket.tell(CREATED, resume("first"));
  line.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(FakeSocket.all).toHaveLength(1);
  expect([onFailed, onLost].map((each) => each.mock.calls)).toEqual([[], []]);
});

test("a server that stays away ends the call", async () => {
  const { onFailed, socket } = await opened();
  socket.tell(CREATED, resume("first"));
  new FakeServer({ "POST /api/ticket": () => Promise.reject(new TypeError("network error")) });
  socket.onclose({ code: 1006, reason: "" });
  await vi.advanceTimersByTimeAsync(70_000);
  expect(onFailed).toHaveBeenCalledTimes(1);
});
