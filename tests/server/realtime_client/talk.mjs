// OpenAI's stock client for Node.js talks to a server: it asks from a recorded microphone, types a question, and interrupts
// the answer by voice. The last line of the output is what has happened, as JSON.
//
// node talk.mjs '{"url": "ws://…", "key": "…", "question": "question.pcm", "typed": "…", "interruption": "stop.pcm"}'

import { readFileSync } from "node:fs";
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

const CHUNK_MS = 100;
const CHUNK_BYTES = 24_000 * 2 * (CHUNK_MS / 1000);
const asked = JSON.parse(process.argv[2]);

const transport = new OpenAIRealtimeWebSocket({ url: asked.url });
const session = new RealtimeSession(new RealtimeAgent({ name: "Aura" }), { transport, model: "aura" });
const told = { events: [], errors: [], audio: 0, interrupted: 0, transcript: "" };
const waiting = [];

/** The next event that `wanted` takes; what has come before is no answer. */
function next(wanted) {
  return new Promise((resolve) => waiting.push({ wanted, resolve }));
}

function happened(event) {
  told.events.push(event.type);
  for (const each of waiting.filter(({ wanted }) => wanted(event))) {
    waiting.splice(waiting.indexOf(each), 1);
    each.resolve(event);
  }
}

const named = (name) => (event) => event.type === name;

transport.on("*", happened);
session.on("error", ({ error }) => told.errors.push(error?.error ?? String(error)));
session.on("audio", ({ data }) => {
  told.audio += data.byteLength;
});
session.on("audio_interrupted", () => {
  told.interrupted += 1;
});

let recorded = Buffer.alloc(0);
const speak = (path) => {
  recorded = Buffer.concat([recorded, readFileSync(path)]);
};

/** What the microphone hears next: what was recorded, and silence behind it. */
function heard() {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  recorded.copy(chunk);
  recorded = recorded.subarray(CHUNK_BYTES);
  return chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + CHUNK_BYTES);
}

const watchdog = setTimeout(() => finish(1), 60_000);
let microphone;

function finish(status) {
  clearTimeout(watchdog);
  clearInterval(microphone);
  told.history = session.history.map(({ role, status, content }) => ({ role, status, content }));
  session.close();
  console.log(JSON.stringify(told));
  process.exitCode = status;
}

const updated = next(named("session.updated"));
await session.connect({ apiKey: asked.key });
await updated;
microphone = setInterval(() => session.sendAudio(heard()), CHUNK_MS);

speak(asked.question);
const completed = next(named("conversation.item.input_audio_transcription.completed"));
const done = next(named("response.done"));
told.transcript = (await completed).transcript;
told.answer = (await done).response.output[0].content[0].transcript;

// It is still played where a client plays it: what is typed interrupts it, and what is said interrupts the next one.
const begun = next(named("response.created"));
session.sendMessage(asked.typed);
await begun;
await next(named("response.output_audio.delta"));
const cut = next(({ type, response }) => type === "response.done" && response.status === "cancelled");
const understood = next(named("conversation.item.input_audio_transcription.completed"));
speak(asked.interruption);
told.cut = (await cut).response.output[0].content[0].transcript;
told.interruption = (await understood).transcript;
told.last = (await next(named("response.done"))).response.status;
finish(0);
