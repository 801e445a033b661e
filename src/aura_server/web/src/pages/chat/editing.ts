import { type RefObject, useCallback, useRef, useState } from "react";
import type { Answers } from "./answers";
import type { Asked, Turn } from "./turns";

/** Asks in the place of a turn and of all after it, which go when the new answer is there. One that failed goes at once. */
export function useAskInstead(conversation: string, turns: readonly Turn[], answers: Answers) {
  const latest = useRef(turns);
  latest.current = turns;
  return useCallback(
    (turn: Turn, question: string, asked: Asked): void => {
      const { current } = latest;
      const after = current.slice(current.findIndex((each) => each.id === turn.id));
      const [failed, standing] = [after.filter(isNothing), after.filter((each) => !isNothing(each))];
      const ids = standing.flatMap(({ id, storedAs }) => (storedAs === null ? [id] : [id, storedAs]));
      const messageId = standing.find((each) => each.storedAs !== null)?.storedAs ?? null;
      const replaces = standing.length > 0 ? { turns: ids, messageId } : turn.replaces;
      answers.drop(
        conversation,
        failed.map((each) => each.id),
      );
      answers.ask(conversation, question, asked, replaces);
    },
    [conversation, answers],
  );
}

/** No answer came, and the server keeps nothing of it. */
const isNothing = (turn: Turn): boolean => turn.phase === "failed" && turn.storedAs === null;

/** The message that is being written anew, if one is. What stood in the field before comes back afterwards. */
export function useEditing(
  text: string,
  setText: (text: string) => void,
  field: RefObject<HTMLTextAreaElement | null>,
): {
  readonly turn: string | null;
  readonly begin: (turn: Turn | undefined) => void;
  readonly end: () => void;
} {
  const [edited, setEdited] = useState<{ readonly turn: string; readonly draft: string } | null>(null);
  const latest = useRef({ text, edited });
  latest.current = { text, edited };
  const begin = useCallback(
    (turn: Turn | undefined) => {
      if (!turn) return;
      const { text, edited } = latest.current;
      setEdited({ turn: turn.id, draft: edited?.draft ?? text });
      setText(turn.question);
      field.current?.focus();
    },
    [setText, field],
  );
  const end = useCallback(() => {
    setText(latest.current.edited?.draft ?? "");
    setEdited(null);
  }, [setText]);
  return { turn: edited?.turn ?? null, begin, end };
}
