import type { CitationResponse } from "@/api/schema";
import { toSpeaker, utteranceOf, voiceChoices } from "@/session/voice-choices";
import { capture, fromBase64, MicrophoneError, openMicrophone, Playback, RATE_HZ, toBase64 } from "./audio";
import { CallError, Line, type Told } from "./line";

/** `reconnecting`: the connection is lost and being opened again; nothing is heard meanwhile. */
export type CallState = "connecting" | "listening" | "thinking" | "speaking" | "reconnecting" | "ended" | "failed";

/** A call as it is now. */
export interface CallView {
  readonly state: CallState;
  readonly muted: boolean;
  /** Audio is sent while a key or the button is held, and not by itself. */
  readonly holding: boolean;
  readonly heard: string;
  /** What was said aloud of the answer so far, in step with the sound. */
  readonly caption: string;
  /** Of what was said so far. */
  readonly citations: readonly CitationResponse[];
  readonly error: unknown;
  readonly conversation: string | null;
  /** An answer was cut off by a lost connection, and the server knows the rest of it. */
  readonly cutOff: boolean;
}

interface Options {
  readonly conversation: string | null;
  readonly collection: string | null;
  readonly deviceId: string | null;
  /** The server has a voice; else the browser's own speaks. */
  readonly serverSpeaks: boolean;
  readonly language: string;
  /** What is said is sent while a key is held, from the beginning. */
  readonly held: boolean;
}

const STEP_MS = 100;
const EVENTS = ["state", "citations", "duck", "partials", "resume"];

/** One conversation by voice, over the realtime protocol. */
export class Call {
  view: CallView = {
    state: "connecting",
    muted: false,
    holding: false,
    heard: "",
    caption: "",
    citations: [],
    error: null,
    conversation: null,
    cutOff: false,
  };
  /** Is told how loud the microphone is, from 0 to 1. */
  onLevel: (level: number) => void = () => undefined;
  private readonly options: Options;
  private readonly listeners = new Set<() => void>();
  private context: AudioContext | null = null;
  private playback: Playback | null = null;
  private readonly line: Line;
  private stopCapture: () => void = () => undefined;
  private timer: ReturnType<typeof setInterval> | null = null;
  private pushing = false;
  private said: { text: string; at: number }[] = [];
  private cited: { citation: CitationResponse; at: number }[] = [];
  private unspoken = "";
  private closed = false;
  private finished = false;
  /** The connection was lost while the assistant had the word. */
  private lostInAnswer = false;
  /** The conversation, once something of an answer was heard in it: before that the server keeps none. */
  talked: string | null = null;
  /** Is told when a turn is over, heard to its end or interrupted: it is in the history of this conversation now. */
  onTurn: (conversation: string) => void = () => undefined;

  constructor(options: Options) {
    this.options = options;
    this.view = { ...this.view, holding: options.held };
    this.line = new Line(
      { conversation: () => this.talked ?? options.conversation, collection: options.collection },
      {
        onEvent: (told) => this.take(told),
        onLost: () => this.lost(),
        onFailed: (error) => this.fail(error),
      },
    );
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Open the microphone and the socket. What goes wrong becomes the state `failed`. */
  async start(): Promise<void> {
    try {
      const stream = await openMicrophone(this.options.deviceId);
      this.stopCapture = () => stream.getTracks().map((track) => track.stop());
      const context = new AudioContext({ sampleRate: RATE_HZ });
      this.context = context;
      await toSpeaker(context);
      this.playback = new Playback(context);
      this.stopCapture = await capture(context, stream, (pcm, level) => this.hear(pcm, level));
      await this.line.open();
      this.timer = setInterval(() => this.step(), STEP_MS);
      if (this.closed) this.release();
    } catch (error) {
      this.fail(error);
    }
  }

  mute(muted: boolean): void {
    this.set({ muted });
  }

  /** Whether the user says by a key when they speak, or the server hears it. */
  hold(holding: boolean): void {
    this.set({ holding });
    this.configure();
  }

  /** The key is down: what is said now is sent. */
  push(): void {
    if (!this.view.holding || this.pushing) return;
    this.interrupt();
    this.pushing = true;
  }

  /** The key is up: what was said is asked. */
  letGo(): void {
    if (!this.pushing) return;
    this.pushing = false;
    this.line.send({ type: "input_audio_buffer.commit" });
    this.line.send({ type: "response.create" });
  }

  /** The assistant is silent now; what was not heard is not in the history. */
  interrupt(): void {
    const { playback } = this;
    if (this.view.state !== "speaking" && this.view.state !== "thinking" && !playback?.isPlaying) return;
    const itemId = playback?.itemId;
    if (playback && itemId && playback.isPlaying) {
      const audio_end_ms = Math.round(playback.played * 1000);
      this.line.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms });
    }
    this.line.send({ type: "response.cancel" });
    this.silence();
  }

  end(): void {
    if (this.closed) return;
    this.release();
    this.set({ state: "ended" });
  }

  // -- the line ------------------------------------------------------------------------------------------------------

  private lost(): void {
    this.lostInAnswer = this.view.state === "speaking" || this.playback?.isPlaying === true;
    this.pushing = false;
    this.silence();
    this.finished = true;
    this.set({ state: "reconnecting" });
  }

  private configure(): void {
    const format = { type: "audio/pcm", rate: RATE_HZ };
    const { voice, speed } = voiceChoices();
    const output = { format, speed, ...(voice === null ? {} : { voice }) };
    const turn_detection = this.view.holding ? null : { type: "semantic_vad" };
    const session = {
      type: "realtime",
      output_modalities: [this.options.serverSpeaks ? "audio" : "text"],
      audio: { input: { format, turn_detection, transcription: {} }, output },
      aura: { events: EVENTS },
    };
    this.line.send({ type: "session.update", session });
  }

  private take(told: Told): void {
    switch (told.type) {
      case "session.created":
        this.configure();
        this.set({ state: "listening" });
        break;
      case "aura.resume":
        this.set({ cutOff: this.lostInAnswer && told.resumed === true });
        break;
      case "aura.state":
        this.set({ state: told.state as CallState });
        break;
      case "aura.transcript":
        this.set({ heard: String(told.text) });
        break;
      case "conversation.item.input_audio_transcription.completed":
        this.set({ heard: String(told.transcript) });
        break;
      case "aura.citations":
        this.cite(told);
        break;
      case "aura.duck":
        this.playback?.duck(Boolean(told.on));
        break;
      case "conversation.item.truncated":
        this.silence();
        this.finished = true;
        break;
      default:
        this.takeReply(told);
    }
  }

  private takeReply(told: Told): void {
    switch (told.type) {
      case "response.created": {
        const { conversation_id } = told.response as { conversation_id?: string };
        this.said = [];
        this.cited = [];
        this.unspoken = "";
        this.finished = false;
        this.lostInAnswer = false;
        const conversation = conversation_id?.replace(/^conv_/, "") || this.view.conversation;
        this.set({ caption: "", citations: [], conversation, cutOff: false, error: null });
        break;
      }
      case "response.done":
        this.finished = true;
        break;
      case "response.output_audio.delta":
        this.playback?.play(String(told.item_id), fromBase64(String(told.delta)));
        break;
      case "response.output_audio_transcript.delta":
        this.said.push({ text: String(told.delta), at: this.behind(told) });
        break;
      case "response.output_text.delta":
        this.speak(String(told.delta));
        break;
      case "response.output_text.done":
        this.speak("", true);
        break;
      case "error": {
        const { code, message } = told.error as { code: string; message: string };
        if (code !== "response_cancel_not_active") this.set({ error: new CallError(message) });
      }
    }
  }

  // -- sound ---------------------------------------------------------------------------------------------------------

  private hear(pcm: Int16Array, level: number): void {
    const silent = this.view.muted || (this.view.holding && !this.pushing);
    this.onLevel(silent ? 0 : Math.min(1, level * 6));
    if (!silent) this.line.send({ type: "input_audio_buffer.append", audio: toBase64(pcm) });
  }

  /** Tell the server how much was heard, and the reader what is being said. */
  private step(): void {
    const { playback } = this;
    if (this.finished && !playback?.isPlaying && !window.speechSynthesis?.speaking) this.turned();
    if (!playback?.itemId || !this.options.serverSpeaks) return;
    const { played } = playback;
    if (playback.isPlaying)
      this.line.send({ type: "aura.played", item_id: playback.itemId, audio_ms: Math.round(played * 1000) });
    const caption = this.said.filter(({ at }) => at <= played).map(({ text }) => text).join(""); // biome-ignore format: one step after the other
    const citations = this.cited.filter(({ at }) => at <= played).map(({ citation }) => citation);
    const same = caption === this.view.caption && citations.length === this.view.citations.length;
    if (!same) this.set({ caption, citations });
  }

  /** Where in an item's sound that comes which the server tells about now: behind what is here of it. */
  private behind(told: Told): number {
    const { playback } = this;
    return playback?.itemId === told.item_id ? (playback?.queued ?? 0) : 0;
  }

  private cite(told: Told): void {
    const citations = told.citations as CitationResponse[];
    this.cited.push(...citations.map((citation) => ({ citation, at: this.behind(told) })));
    if (!this.options.serverSpeaks) this.set({ citations: [...this.view.citations, ...citations] });
  }

  private turned(): void {
    this.finished = false;
    this.said = [];
    this.cited = [];
    this.set({ heard: "", caption: "", citations: [] });
    if (this.talked !== null) this.onTurn(this.talked);
  }

  /** The browser's own voice: sentence by sentence. */
  private speak(text: string, last = false): void {
    this.unspoken += text;
    this.set({ caption: this.view.caption + text });
    const cut = last
      ? this.unspoken.length
      : Math.max(...[". ", "! ", "? "].map((end) => this.unspoken.lastIndexOf(end))) + 1;
    const sentence = this.unspoken
      .slice(0, cut)
      .replace(/\s*\[\d+\]/g, "")
      .trim();
    if (sentence === "" || !("speechSynthesis" in window)) return;
    this.unspoken = this.unspoken.slice(cut);
    window.speechSynthesis.speak(utteranceOf(sentence, this.options.language));
  }

  private silence(): void {
    this.playback?.flush();
    this.said = [];
    this.cited = [];
    if ("speechSynthesis" in window) window.speechSynthesis.cancel();
  }

  // ------------------------------------------------------------------------------------------------------------------

  private fail(error: unknown): void {
    if (this.closed) return;
    this.release();
    this.set({ state: "failed", error });
  }

  private release(): void {
    this.closed = true;
    if (this.timer !== null) clearInterval(this.timer);
    this.silence();
    this.stopCapture();
    this.line.close();
    void this.context?.close().catch(() => undefined);
  }

  private set(changes: Partial<CallView>): void {
    this.view = { ...this.view, ...changes };
    if (this.view.caption !== "") this.talked = this.view.conversation;
    for (const listener of this.listeners) listener();
  }
}

export { CallError, MicrophoneError };
