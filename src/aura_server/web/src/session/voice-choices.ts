import { useSyncExternalStore } from "react";

/** How this browser hears and speaks; null is the browser's or the server's own choice. */
export interface VoiceChoices {
  readonly microphone: string | null;
  readonly speaker: string | null;
  /** One of the server's voices. */
  readonly voice: string | null;
  /** One of this browser's voices, for a server that has none. */
  readonly browserVoice: string | null;
  /** 1 is as fast as the voice speaks by itself. */
  readonly speed: number;
}

export const SLOWEST = 0.5;
export const FASTEST = 2;

const MICROPHONE = "aura.microphone";
const KEY = "aura.voice";
const listeners = new Set<() => void>();
let known: { readonly written: string; readonly choices: VoiceChoices } | null = null;

/** What was chosen in this browser. */
export function voiceChoices(): VoiceChoices {
  const microphone = localStorage.getItem(MICROPHONE);
  const kept = localStorage.getItem(KEY) ?? "{}";
  const written = `${microphone} ${kept}`; // another tab may have chosen otherwise
  if (known?.written !== written) known = { written, choices: { ...read(kept), microphone } };
  return known.choices;
}

/** Choose otherwise, from the next call on. */
export function chooseVoice(changes: Partial<VoiceChoices>): void {
  const { microphone, ...others } = { ...voiceChoices(), ...changes };
  if (microphone === null) localStorage.removeItem(MICROPHONE);
  else localStorage.setItem(MICROPHONE, microphone);
  localStorage.setItem(KEY, JSON.stringify(others));
  for (const listener of listeners) listener();
}

/** What was chosen, and a new rendering at each change of it. */
export const useVoiceChoices = (): VoiceChoices => useSyncExternalStore(subscribe, voiceChoices);

/** `text` as the browser's own voice would say it. */
export function utteranceOf(text: string, language: string): SpeechSynthesisUtterance {
  const { browserVoice, speed } = voiceChoices();
  const utterance = new SpeechSynthesisUtterance(text);
  const voice = window.speechSynthesis.getVoices().find((each) => each.voiceURI === browserVoice);
  utterance.lang = voice?.lang ?? language;
  if (voice) utterance.voice = voice;
  utterance.rate = speed;
  return utterance;
}

/** Have sound come out where it was chosen, as far as the browser can; where it is gone, out of the usual one. */
export async function toSpeaker(sound: AudioContext | HTMLMediaElement): Promise<void> {
  const { speaker } = voiceChoices();
  if (speaker === null || !("setSinkId" in sound)) return;
  await (sound as { setSinkId: (id: string) => Promise<void> }).setSinkId(speaker).catch(() => undefined);
}

function read(kept: string): Omit<VoiceChoices, "microphone"> {
  const { speaker, voice, browserVoice, speed } = parsed(kept);
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : null);
  const fast = typeof speed === "number" ? Math.min(FASTEST, Math.max(SLOWEST, speed)) : 1;
  return { speaker: text(speaker), voice: text(voice), browserVoice: text(browserVoice), speed: fast };
}

function parsed(kept: string): Partial<Record<keyof VoiceChoices, unknown>> {
  try {
    return (JSON.parse(kept) ?? {}) as Partial<Record<keyof VoiceChoices, unknown>>;
  } catch {
    return {};
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
