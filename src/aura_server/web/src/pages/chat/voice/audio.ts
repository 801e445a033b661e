/** The microphone and the loudspeaker of a call, at the rate that both ends speak. */

export const RATE_HZ = 24_000;

/** Why there is no sound from this machine, as far as the browser tells. */
export type NoMicrophone = "denied" | "missing" | "insecure" | "busy";

export class MicrophoneError extends Error {
  readonly reason: NoMicrophone;

  constructor(reason: NoMicrophone, cause?: unknown) {
    super(`no microphone: ${reason}`, { cause });
    this.reason = reason;
  }
}

/** The microphone, with what it plays itself taken out of what it hears. Raises `MicrophoneError`. */
export async function openMicrophone(deviceId: string | null): Promise<MediaStream> {
  if (navigator.mediaDevices === undefined) throw new MicrophoneError("insecure");
  const device = deviceId === null ? {} : { deviceId: { ideal: deviceId } };
  const audio = { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    const reason = name === "NotAllowedError" ? "denied" : name === "NotFoundError" ? "missing" : "busy";
    throw new MicrophoneError(reason, error);
  }
}

/** Gives each piece of what the microphone hears to `onPiece`, until what it returns is called. */
export async function capture(
  context: AudioContext,
  stream: MediaStream,
  onPiece: (pcm: Int16Array, level: number) => void,
): Promise<() => void> {
  await context.audioWorklet.addModule(new URL("./capture.worklet.js", import.meta.url));
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }: MessageEvent<{ pcm: Int16Array; level: number }>) => onPiece(data.pcm, data.level);
  source.connect(node);
  return () => {
    source.disconnect();
    node.port.close();
    for (const track of stream.getTracks()) track.stop();
  };
}

/** Plays the pieces of one item after the other, and knows how much of it was heard. */
export class Playback {
  private readonly context: AudioContext;
  private readonly gain: GainNode;
  private readonly playing = new Set<AudioBufferSourceNode>();
  private pieces: { at: number; seconds: number }[] = [];
  private free = 0;
  itemId: string | null = null;

  constructor(context: AudioContext) {
    this.context = context;
    this.gain = context.createGain();
    this.gain.connect(context.destination);
  }

  /** Play `pcm` behind what is there already. A new item begins its own count. */
  play(itemId: string, pcm: Int16Array): void {
    if (itemId !== this.itemId) {
      this.itemId = itemId;
      this.pieces = [];
    }
    const buffer = this.context.createBuffer(1, pcm.length, RATE_HZ);
    buffer.getChannelData(0).set(Float32Array.from(pcm, (sample) => sample / 0x8000));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.gain);
    const at = Math.max(this.free, this.context.currentTime + 0.02);
    source.start(at);
    source.onended = () => this.playing.delete(source);
    this.playing.add(source);
    this.pieces.push({ at, seconds: buffer.duration });
    this.free = at + buffer.duration;
  }

  /** Seconds of the item that were heard. */
  get played(): number {
    const now = this.context.currentTime;
    return this.pieces.reduce((sum, { at, seconds }) => sum + Math.max(0, Math.min(seconds, now - at)), 0);
  }

  /** Seconds of the item that are here, heard or not. */
  get queued(): number {
    return this.pieces.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  get isPlaying(): boolean {
    return this.playing.size > 0;
  }

  /** Softer while somebody may be interrupting. */
  duck(on: boolean): void {
    this.gain.gain.setTargetAtTime(on ? 0.25 : 1, this.context.currentTime, 0.03);
  }

  /** Be silent now. */
  flush(): void {
    for (const source of this.playing) source.stop();
    this.playing.clear();
    this.free = 0;
    this.duck(false);
  }
}

/** Samples as the socket takes them. */
export function toBase64(pcm: Int16Array): string {
  const bytes = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Samples as the socket gives them. */
export function fromBase64(text: string): Int16Array {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
