import type { ChatResponse, CitationResponse, MessageResponse, PassageResponse } from "@/api/schema";

/** How a question is asked, besides its words. */
export interface Asked {
  readonly collection: string | null;
  readonly temporary: boolean;
  readonly use_memory: boolean;
  readonly use_persona: boolean;
}

export const AS_USUAL: Asked = { collection: null, temporary: false, use_memory: true, use_persona: true };

/** `lost`: the connection broke and is being opened again; the answer goes on meanwhile. */
export type Phase = "asking" | "answering" | "lost" | "answered" | "refused" | "failed";

/** What a turn takes the place of, once its answer is there: turns as they are known here, and the first one's message. */
export interface Replaced {
  readonly turns: readonly string[];
  /** Null where the server keeps none of them. */
  readonly messageId: string | null;
}

/** A question and its answer, as far as it has come. */
export interface Turn {
  readonly id: string;
  readonly question: string;
  readonly phase: Phase;
  readonly text: string;
  readonly citations: readonly CitationResponse[];
  readonly messageId: string | null;
  /** A message of it that the server keeps: the answer, or the question where no answer came. */
  readonly storedAs: string | null;
  readonly model: string | null;
  /** It was ended before its end. */
  readonly stopped: boolean;
  readonly asked: Asked;
  /** What the answer may draw on; not known of turns that were read from the history. */
  readonly passages: readonly PassageResponse[];
  readonly answer: ChatResponse | null;
  readonly error: unknown;
  readonly replaces: Replaced | null;
}

/** Whether more of it may come. */
export const isOpen = (turn: Turn): boolean => ["asking", "answering", "lost"].includes(turn.phase);

/** A turn whose question was just sent. */
export function begun(id: string, question: string, asked: Asked, replaces: Replaced | null = null): Turn {
  return {
    id,
    question,
    asked,
    phase: "asking",
    text: "",
    citations: [],
    messageId: null,
    storedAs: null,
    model: null,
    stopped: false,
    passages: [],
    answer: null,
    error: null,
    replaces,
  };
}

/** The turns of a history, which comes with the latest message first. A half that lost its other half stands alone. */
export function turnsOf(messages: readonly MessageResponse[]): readonly Turn[] {
  const turns: Turn[] = [];
  let question: MessageResponse | null = null;
  const close = (answer: MessageResponse | null) => {
    if (question === null && answer === null) return;
    turns.push(paired(question, answer));
    question = null;
  };
  for (const message of [...messages].reverse()) {
    if (message.role === "assistant") close(message);
    else {
      close(null);
      question = message;
    }
  }
  close(null);
  return turns;
}

function paired(question: MessageResponse | null, answer: MessageResponse | null): Turn {
  return {
    ...begun(answer?.message_id ?? question?.message_id ?? "", question?.text ?? "", AS_USUAL),
    phase: answer?.refused ? "refused" : "answered",
    text: answer?.text ?? "",
    citations: answer?.citations ?? [],
    messageId: answer?.message_id ?? null,
    storedAs: answer?.message_id ?? question?.message_id ?? null,
    model: answer?.model_used ?? null,
    stopped: answer?.stopped ?? answer === null,
  };
}

/** Whether what it takes the place of is out of sight: while it comes, and for good once it is there. */
const stands = (turn: Turn): boolean =>
  isOpen(turn) || turn.messageId !== null || (turn.asked.temporary && turn.phase !== "failed");

/** The history with what was asked since in this tab: a turn that is in both is shown as this tab knows it. */
export function merged(history: readonly Turn[], live: readonly Turn[]): readonly Turn[] {
  const replaced = new Set(live.flatMap((turn) => (turn.replaces && stands(turn) ? turn.replaces.turns : [])));
  const known = new Map(live.flatMap((turn) => (turn.messageId === null ? [] : [[turn.messageId, turn] as const])));
  const shown = new Set<string>();
  const turns = history.map((turn) => {
    const own = turn.messageId === null ? undefined : known.get(turn.messageId);
    if (own) shown.add(own.id);
    return own ?? turn;
  });
  return [...turns, ...live.filter((turn) => !shown.has(turn.id))].filter(
    (turn) => !replaced.has(turn.id) && !(turn.storedAs && replaced.has(turn.storedAs)),
  );
}
