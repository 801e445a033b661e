import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useRef, useState } from "react";
import type { MessageResponse } from "@/api/schema";
import { useExplained } from "@/components/feedback";
import { toast } from "@/components/toasts";
import { useIdentity } from "@/session/use-session";
import { type Answers, NEW } from "./answers";
import { history, takeBack } from "./conversation-data";
import type { Asked, Turn } from "./turns";

interface HistoryPage {
  readonly items: readonly MessageResponse[];
}

/** Asks in the place of a turn: it goes, with all after it, here and on the server. Answers whether it could be done. */
export function useAskInstead(conversation: string, turns: readonly Turn[], answers: Answers) {
  const queries = useQueryClient();
  const explained = useExplained();
  const { userId } = useIdentity();
  const busy = useRef(false);
  const latest = useRef({ turns, explained });
  latest.current = { turns, explained };
  return useCallback(
    async (turn: Turn, question: string, asked: Asked): Promise<boolean> => {
      if (busy.current) return false;
      busy.current = true;
      const { turns, explained } = latest.current;
      const gone = turns.slice(turns.findIndex((each) => each.id === turn.id));
      const stored = gone.find((each) => each.storedAs !== null)?.storedAs ?? null;
      const { queryKey } = history(userId, conversation);
      try {
        if (stored !== null && conversation !== NEW) {
          await takeBack(conversation, stored);
          queries.setQueryData<InfiniteData<HistoryPage>>(queryKey, (data) => data && before(data, stored));
        }
        answers.drop(
          conversation,
          gone.map((each) => each.id),
        );
        answers.ask(conversation, question, asked);
        return true;
      } catch (error) {
        toast(explained(error), { tone: "bad" });
        return false;
      } finally {
        busy.current = false;
      }
    },
    [conversation, answers, queries, userId],
  );
}

/** A history, which comes with the latest message first, as it was before the turn of this message. */
export function before<P extends HistoryPage>(data: InfiniteData<P>, messageId: string): InfiniteData<P> {
  const all = data.pages.flatMap((page) => page.items);
  const at = all.findIndex((each) => each.message_id === messageId);
  const answered = all[at]?.role === "assistant" && all[at + 1]?.role === "user";
  const gone = new Set(all.slice(0, at + (answered ? 2 : 1)));
  const pages = data.pages.map((page) => ({ ...page, items: page.items.filter((each) => !gone.has(each)) }));
  return at < 0 ? data : { ...data, pages };
}

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
