import { pause } from "@/api/pause";
import { ApiProblem, problemOf, Unreachable } from "@/api/problems";
import { eventsOf, type ServerEvent } from "@/api/sse";
import { authorised } from "@/session/session";
import type { ChatResponse, CitationResponse, ErrorData, PassageResponse } from "./events";
import { type Asked, begun, isOpen, type Replaced, type Turn } from "./turns";

/** Where a conversation that has no id yet keeps its turns. */
export const NEW = "new";

/** How long a lost connection is opened again before the answer counts as lost: the server keeps it for 30 s. */
const PATIENCE_MS = 30_000;
const FRAME_MS = 80;

interface Run {
  key: string;
  readonly controller: AbortController;
  responseId: string | null;
  lastEventId: string | null;
}

interface Kept {
  readonly id: string;
  readonly key: string;
  readonly responseId: string;
  readonly question: string;
  readonly asked: Asked;
  readonly replaces: Replaced | null;
}

/** The answers that this tab asked for. They go on while another page is shown, and after a reload. */
export class Answers {
  private readonly turns = new Map<string, readonly Turn[]>();
  private readonly runs = new Map<string, Run>();
  private readonly listeners = new Set<() => void>();
  private readonly storage: string;
  private timer: ReturnType<typeof setTimeout> | null = null;
  /** Is told when a conversation that began without an id has one. */
  onNamed: (key: string, sessionId: string) => void = () => undefined;
  /** Is told when an answer has come to its end. */
  onEnd: (turn: Turn) => void = () => undefined;

  /** Goes on with what `userId` had asked before a reload. */
  constructor(userId: string) {
    this.storage = `aura.answers.${userId}`;
    for (const kept of this.kept()) this.resume(kept);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The turns of one conversation that were asked for here; the same array until something changes. */
  readonly of = (key: string): readonly Turn[] => this.turns.get(key) ?? NONE;

  /** Ask in the conversation `key`, in the place of other turns if `replaces` says so: they stay until the answer is there. */
  ask(key: string, question: string, asked: Asked, replaces: Replaced | null = null): void {
    const turn = begun(crypto.randomUUID(), question, asked, replaces);
    this.turns.set(key, [...this.of(key), turn]);
    this.start(turn.id, key);
    const place = { session_id: key === NEW ? null : key, replaces: replaces?.messageId ?? null };
    const body = { message: question, ...asked, ...place };
    void this.follow(turn.id, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  /** End the answers of a conversation now. What was said is kept. */
  stop(key: string, which: (turn: Turn) => boolean = () => true): void {
    for (const [id, run] of this.runs) {
      const turn = this.find(id);
      if (run.key !== key || turn === undefined || !which(turn)) continue;
      if (run.responseId === null) {
        run.controller.abort();
        this.end(id, { phase: "answered", stopped: true });
      } else {
        const body = JSON.stringify({ response_id: run.responseId });
        const headers = { "Content-Type": "application/json" };
        void authorised("/chat/stop", { method: "POST", body, headers }).catch(() => run.controller.abort());
      }
    }
  }

  /** Take turns away that came to nothing, to ask anew in their place. */
  drop(key: string, ids: readonly string[]): void {
    this.turns.set(
      key,
      this.of(key).filter((turn) => !ids.includes(turn.id)),
    );
    this.tell();
  }

  /** Begin a new conversation. An answer that is still coming goes on out of sight; a temporary chat is gone. */
  setAside(): void {
    const aside = `${NEW} ${crypto.randomUUID()}`;
    const open = this.of(NEW).filter((turn) => isOpen(turn) && !turn.asked.temporary);
    this.stop(NEW, (turn) => turn.asked.temporary);
    for (const turn of open) {
      const run = this.runs.get(turn.id);
      if (run) run.key = aside;
    }
    this.turns.delete(NEW);
    if (open.length > 0) this.turns.set(aside, open);
    this.keep();
    this.tell();
  }

  // -- one answer ----------------------------------------------------------------------------------------------------

  private start(id: string, key: string, responseId: string | null = null): void {
    this.runs.set(id, { key, controller: new AbortController(), responseId, lastEventId: null });
    this.tell();
  }

  private resume({ id, key, responseId, question, asked, replaces }: Kept): void {
    this.turns.set(key, [...this.of(key), begun(id, question, asked, replaces)]);
    this.start(id, key, responseId);
    void this.follow(id, { headers: { "Last-Event-ID": `${responseId}:` } });
  }

  /** Read an answer to its end, over as many connections as it takes. */
  private async follow(id: string, first: RequestInit): Promise<void> {
    let init = first;
    let lostAt: number | null = null;
    for (;;) {
      const run = this.runs.get(id);
      if (run === undefined) return;
      try {
        await this.read(id, run, init, () => {
          lostAt = null;
        });
        if (!this.runs.has(id)) return;
        throw new Unreachable("the stream ended in the middle");
      } catch (error) {
        if (run.controller.signal.aborted || !this.runs.has(id)) return;
        lostAt ??= Date.now();
        const late = Date.now() - lostAt > PATIENCE_MS;
        if (!(error instanceof Unreachable) || run.responseId === null || late) {
          const gone = error instanceof ApiProblem && error.status === 404; // what it was to replace, say
          this.end(id, { phase: "failed", error, ...(gone ? { replaces: null } : {}) });
          return;
        }
        this.change(id, { phase: "lost" });
        await pause(Math.min(4_000, 500 + (Date.now() - lostAt) / 4));
        init = { headers: { "Last-Event-ID": run.lastEventId ?? `${run.responseId}:` } };
      }
    }
  }

  private async read(id: string, run: Run, init: RequestInit, onEvent: () => void): Promise<void> {
    const response = await authorised("/chat/stream", { method: "POST", signal: run.controller.signal, ...init });
    if (!response.ok || response.body === null) throw await problemOf(response);
    run.responseId ??= response.headers.get("x-response-id");
    this.keep();
    try {
      for await (const event of eventsOf(response.body)) {
        onEvent();
        if (event.id !== null) run.lastEventId = event.id;
        this.take(id, event);
      }
    } catch (error) {
      if (error instanceof ApiProblem) throw error;
      throw new Unreachable(error);
    }
  }

  private take(id: string, event: ServerEvent): void {
    const turn = this.find(id);
    if (turn === undefined) return;
    switch (event.name) {
      case "sources":
        this.change(id, { phase: "answering", passages: (event.data as { passages: PassageResponse[] }).passages });
        break;
      case "delta":
        this.change(id, { phase: "answering", text: turn.text + (event.data as { text: string }).text });
        break;
      case "citation":
        this.change(id, { citations: [...turn.citations, event.data as CitationResponse] });
        break;
      case "final":
      case "refusal":
        this.finish(id, event.data as ChatResponse);
        break;
      case "error": {
        const said = event.data as ErrorData;
        const detail = said.message;
        const status = said.kind === "LimitExceeded" ? 429 : 422;
        this.end(id, { phase: "failed", error: new ApiProblem(status, { detail }, said.retry_after_seconds) });
      }
    }
  }

  private finish(id: string, answer: ChatResponse): void {
    const run = this.runs.get(id);
    this.end(id, {
      phase: answer.refused ? "refused" : "answered",
      text: answer.response,
      citations: answer.citations,
      messageId: answer.message_id ?? null,
      storedAs: answer.message_id ?? null,
      model: answer.model_used,
      stopped: answer.stopped,
      answer,
    });
    if (run?.key.startsWith(NEW) && answer.session_id) this.name(run.key, answer.session_id);
  }

  /** The new conversation has its id: its turns go there. */
  private name(key: string, sessionId: string): void {
    this.turns.set(sessionId, this.of(key));
    this.turns.delete(key);
    this.onNamed(key, sessionId);
    this.tell();
  }

  private end(id: string, changes: Partial<Turn>): void {
    this.runs.delete(id);
    this.keep();
    this.change(id, changes);
    const turn = this.find(id);
    if (turn) this.onEnd(turn);
  }

  // -- what is known -------------------------------------------------------------------------------------------------

  private find(id: string): Turn | undefined {
    for (const turns of this.turns.values()) {
      const turn = turns.find((each) => each.id === id);
      if (turn) return turn;
    }
    return undefined;
  }

  private change(id: string, changes: Partial<Turn>): void {
    for (const [key, turns] of this.turns) {
      if (!turns.some((turn) => turn.id === id)) continue;
      this.turns.set(
        key,
        turns.map((turn) => (turn.id === id ? { ...turn, ...changes } : turn)),
      );
      const changed = this.find(id);
      this.tell(changed !== undefined && isOpen(changed));
    }
  }

  /** Tell who watches: at once, or with other pieces of an answer that come within a moment. */
  private tell(later = false): void {
    if (later) {
      this.timer ??= setTimeout(() => this.tell(), FRAME_MS);
      return;
    }
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const listener of this.listeners) listener();
  }

  // -- across a reload -----------------------------------------------------------------------------------------------

  private keep(): void {
    const kept = [...this.runs].flatMap(([id, { key, responseId }]): Kept[] => {
      const turn = this.find(id);
      if (!turn || !responseId) return [];
      const { question, asked, replaces } = turn;
      return [{ id, key, responseId, question, asked, replaces }];
    });
    if (kept.length === 0) sessionStorage.removeItem(this.storage);
    else sessionStorage.setItem(this.storage, JSON.stringify(kept));
  }

  private kept(): readonly Kept[] {
    try {
      return JSON.parse(sessionStorage.getItem(this.storage) ?? "[]") as Kept[];
    } catch {
      return [];
    }
  }
}

const NONE: readonly Turn[] = [];
