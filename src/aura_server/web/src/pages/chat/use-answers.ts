import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "@/components/announcer";
import { useIdentity } from "@/session/use-session";
import { Answers } from "./answers";
import type { Turn } from "./turns";

let shared: { readonly userId: string; readonly answers: Answers } | null = null;

/** The one store of answers of who is logged in; another member finds nothing of it. */
export function answersOf(userId: string): Answers {
  if (shared?.userId !== userId) shared = { userId, answers: new Answers(userId) };
  return shared.answers;
}

/** The answers asked for in this tab, and the turns of one conversation among them. */
export function useAnswers(key: string, onNamed: (key: string, sessionId: string) => void): [readonly Turn[], Answers] {
  const { userId } = useIdentity();
  const { t } = useTranslation("chat");
  const queries = useQueryClient();
  const answers = answersOf(userId);
  const turns = useSyncExternalStore(answers.subscribe, () => answers.of(key));
  useEffect(() => {
    answers.onNamed = onNamed;
    answers.onEnd = (turn) => {
      announce(said(turn, t));
      void queries.invalidateQueries({ queryKey: ["conversations", "list"] });
      if (turn.replaces !== null || turn.phase === "failed") void queries.invalidateQueries({ queryKey: ["history"] });
    };
  }, [answers, onNamed, queries, t]);
  return [turns, answers];
}

function said(turn: Turn, t: (key: string, values?: Record<string, unknown>) => string): string {
  if (turn.phase === "failed") return t("failed");
  if (turn.stopped) return t("stopped");
  return t("announced", { text: turn.text.replace(/\s*\[\d+\]/g, ""), count: turn.citations.length });
}
