/** Takes the microphone's samples as 16-bit integers in pieces of 40 ms, with how loud each piece is. */
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Int16Array(Math.round(sampleRate * 0.04));
    this.filled = 0;
    this.squares = 0;
  }

  process([input]) {
    for (const sample of input?.[0] ?? []) {
      this.squares += sample * sample;
      this.piece[this.filled] = Math.max(-1, Math.min(1, sample)) * 0x7fff;
      this.filled += 1;
      if (this.filled === this.piece.length) this.give();
    }
    return true;
  }

  give() {
    const level = Math.sqrt(this.squares / this.filled);
    this.port.postMessage({ pcm: this.piece.slice(), level });
    this.filled = 0;
    this.squares = 0;
  }
}

registerProcessor("capture", Capture);
