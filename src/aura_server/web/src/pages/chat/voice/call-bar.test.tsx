import { screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeServer, LOGIN, problem } from "@/testing/fake-server";
import { asAdmin, show } from "@/testing/render";
import CallBar from "./call-bar";

const HEARS = { stt: { available: true, reason: null }, tts: { available: true } };
let server: FakeServer;

beforeEach(async () => {
  server = new FakeServer({ "POST /api/login": LOGIN, "GET /voice/status": HEARS });
  await asAdmin();
});

afterEach(() => {
  Reflect.deleteProperty(navigator, "mediaDevices");
});

function call() {
  const onEnd = vi.fn();
  return {
    onEnd,
    ...show(<CallBar conversation={null} collection={null} onSource={vi.fn()} onTurn={vi.fn()} onEnd={onEnd} />),
  };
}

/** A browser whose microphone answers with this error. */
function microphone(name: string) {
  const getUserMedia = () => Promise.reject(new DOMException("no", name));
  Object.defineProperty(navigator, "mediaDevices", {
    value: { getUserMedia, enumerateDevices: async () => [] },
    configurable: true,
  });
}

test.each([
  ["NotAllowedError", /Allow it in the address bar/],
  ["NotFoundError", /There is no microphone/],
  ["NotReadableError", /Another program may have it/],
])("%s is explained, and writing goes on", async (name, explained) => {
  microphone(name);
  const { user, onEnd } = call();
  expect(await screen.findByRole("alert")).toHaveTextContent(explained);
  await user.click(screen.getByRole("button", { name: "Write instead" }));
  expect(onEnd).toHaveBeenCalledWith(null);
});

test("a page without https is told where the microphone is given", async () => {
  call();
  expect(await screen.findByRole("alert")).toHaveTextContent(/https:/);
});

test("a server that can not hear says what would let it", async () => {
  server.on("GET /voice/status", problem(503, "pip install 'aura[voice]'"));
  call();
  expect(await screen.findByRole("alert")).toHaveTextContent("This server can not hear yet. pip install 'aura[voice]'");
});
