import { pause } from "@/api/pause";
import { isPassing } from "@/api/problems";
import { ticket } from "@/session/session";

/** One event of the realtime protocol. */
export type Told = { readonly type: string } & Record<string, unknown>;

/** What the server said of why something could not be done; an empty text where it said nothing. */
export class CallError extends Error {}

interface Place {
  /** The conversation that the call is in as of now; null begins one. */
  readonly conversation: () => string | null;
  readonly collection: string | null;
}

interface Hearer {
  readonly onEvent: (told: Told) => void;
  /** The connection is lost, and being opened again. `session.created` says that it is back. */
  readonly onLost: () => void;
  /** There is no call any more. */
  readonly onFailed: (error: unknown) => void;
}

/** How long a lost connection is opened again: the server keeps the call for 30 s, and its conversation for good. */
const PATIENCE_MS = 60_000;
const OVER = 1000;
const REFUSED = 1008;

/** The connection of a call, which goes on over another one where it is lost. */
export class Line {
  private readonly place: Place;
  private readonly hearer: Hearer;
  private socket: WebSocket | null = null;
  /** Brings the call back, once. */
  private token: string | null = null;
  private lostAt: number | null = null;
  private said = "";
  private closed = false;

  constructor(place: Place, hearer: Hearer) {
    this.place = place;
    this.hearer = hearer;
  }

  /** Raises `ApiProblem` or `Unreachable`. */
  async open(): Promise<void> {
    const token = await ticket();
    if (this.closed) return;
    window.addEventListener("offline", this.lose);
    this.connect(token);
  }

  /** Tell the server, unless the connection is lost just now. */
  send(event: Told): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  close(): void {
    this.closed = true;
    window.removeEventListener("offline", this.lose);
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  private connect(credential: string): void {
    const resumes = this.token;
    const socket = new WebSocket(this.address(credential, resumes), "realtime");
    let begun = false;
    this.socket = socket;
    this.said = "";
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      const told = JSON.parse(String(data)) as Told;
      if (told.type === "session.created") {
        begun = true;
        this.lostAt = null;
      }
      if (told.type === "aura.resume") this.token = String(told.token);
      if (told.type === "error") this.said = String((told.error as { message: string }).message);
      if (begun) this.hearer.onEvent(told);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      const tooLate = code === REFUSED && !begun && resumes !== null;
      if (tooLate) this.token = null; // a new call, in the same conversation
      const first = !begun && this.lostAt === null;
      if (!tooLate && (first || code === OVER || code === REFUSED)) this.fail(new CallError(this.said || reason));
      else this.lose();
    };
  }

  private address(credential: string, resumes: string | null): URL {
    const address = new URL("/v1/realtime", window.location.href);
    const { collection } = this.place;
    const conversation = this.place.conversation();
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("token", credential);
    address.searchParams.set("model", collection === null ? "aura" : `aura:${collection}`);
    if (resumes !== null) address.searchParams.set("resume", resumes);
    else if (conversation !== null) address.searchParams.set("conversation", conversation);
    return address;
  }

  /** A browser without a network keeps its sockets open for minutes: it is not waited for them. */
  private readonly lose = (): void => {
    const { socket } = this;
    if (socket === null) return; // it is being opened again already
    this.socket = null;
    socket.close();
    if (this.lostAt === null) {
      this.lostAt = Date.now();
      this.hearer.onLost();
    }
    void this.again(this.lostAt);
  };

  private async again(lostAt: number): Promise<void> {
    for (;;) {
      const waited = Date.now() - lostAt;
      if (waited > PATIENCE_MS) return this.fail(new CallError(this.said));
      await pause(Math.min(3_000, 300 + waited / 4));
      if (this.closed) return;
      try {
        const credential = await ticket();
        if (!this.closed) this.connect(credential);
        return;
      } catch (error) {
        if (!isPassing(error)) return this.fail(error);
      }
    }
  }

  private fail(error: unknown): void {
    if (this.closed) return;
    this.close();
    this.hearer.onFailed(error);
  }
}
