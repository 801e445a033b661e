import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { voiceChoices } from "@/session/voice-choices";
import { FakeServer, LOGIN } from "@/testing/fake-server";
import { asAdmin, show } from "@/testing/render";
import { VoicePart } from "./voice";

const HEARD = { available: true, provider: "moonshine", reason: "" };
const MUTE = { available: false, provider: "browser", reason: "install espeak-ng" };
const SPOKEN = { success: true, audio: "AAAA", content_type: "audio/wav", characters: 3, duration: 1, provider: "x" };
const VOICES = { voices: [{ voice_id: "v-anna", name: "Anna", language: "de" }] };

function device(kind: MediaDeviceKind, deviceId: string, label: string): MediaDeviceInfo {
  return { kind, deviceId, label, groupId: "", toJSON: () => ({}) };
}

async function served(tts: typeof HEARD) {
  const server = new FakeServer({
    "POST /api/login": LOGIN,
    "GET /voice/status": { stt: HEARD, tts, vad: HEARD },
    "GET /voice/voices": VOICES,
    "POST /voice/synthesize": SPOKEN,
  });
  await asAdmin();
  return { server, ...show(<VoicePart />) };
}

beforeEach(() => {
  const found = [device("audioinput", "mic-2", "Headset"), device("audiooutput", "out-2", "Speakers")];
  const media = Object.assign(new EventTarget(), {
    enumerateDevices: async () => found,
    getUserMedia: () => Promise.reject(new DOMException("no", "NotAllowedError")),
  });
  Object.defineProperty(navigator, "mediaDevices", { value: media, configurable: true });
});

afterEach(() => {
  Reflect.deleteProperty(navigator, "mediaDevices");
});

test("a voice and its speed are chosen, tried on the server, and kept for the next call", async () => {
  const play = vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  const { server, user } = await served(HEARD);
  await user.selectOptions(
    await screen.findByLabelText("Voice"),
    await screen.findByRole("option", { name: "Anna (de)" }),
  );
  fireEvent.change(screen.getByLabelText(/How fast/), { target: { value: "1.5" } });
  await user.click(screen.getByRole("button", { name: "Hear it" }));
  await waitFor(() => expect(play).toHaveBeenCalled());
  const sent = new URLSearchParams(String(server.of("POST /voice/synthesize")[0]?.body));
  expect([sent.get("voice_id"), sent.get("speed")]).toEqual(["v-anna", "1.5"]);
  expect(voiceChoices()).toMatchObject({ voice: "v-anna", speed: 1.5, browserVoice: null });
});

test("where the server has no voice the browser speaks, with what would give the server one", async () => {
  const speak = vi.fn();
  const voices = [{ voiceURI: "urn:petra", name: "Petra", lang: "de-DE" }];
  vi.stubGlobal("speechSynthesis", { getVoices: () => voices, speak, cancel: () => undefined });
  vi.stubGlobal(
    "SpeechSynthesisUtterance",
    class {
      constructor(readonly text: string) {}
    },
  );
  const { server, user } = await served(MUTE);
  expect(await screen.findByText("install espeak-ng")).toBeVisible();
  await user.selectOptions(screen.getByLabelText("Voice"), "Petra (de-DE)");
  await user.click(screen.getByRole("button", { name: "Hear it" }));
  await waitFor(() => expect(speak).toHaveBeenCalledWith(expect.objectContaining({ voice: voices[0], rate: 1 })));
  expect(server.of("POST /voice/synthesize")).toEqual([]);
  expect(voiceChoices().browserVoice).toBe("urn:petra");
});

test("a microphone is chosen, and one that may not be used is explained", async () => {
  const { user } = await served(HEARD);
  await user.selectOptions(
    await screen.findByLabelText("Microphone"),
    await screen.findByRole("option", { name: "Headset" }),
  );
  expect(voiceChoices().microphone).toBe("mic-2");
  expect(localStorage.getItem("aura.microphone")).toBe("mic-2");
  await user.click(screen.getByRole("button", { name: "Try the microphone" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("Allow it in the address bar");
});

test("what a browser has kept of another time breaks nothing", () => {
  for (const kept of ["no json", "null", '{"speed": 99, "voice": 3}']) {
    localStorage.setItem("aura.voice", kept);
    localStorage.setItem("aura.microphone", kept);
    expect(voiceChoices()).toMatchObject({ voice: null, speed: kept.includes("99") ? 2 : 1 });
  }
});
