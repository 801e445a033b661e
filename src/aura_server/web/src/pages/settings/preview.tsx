import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { ChatResponse, PersonaChanges } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Failure, Skeleton } from "@/components/feedback";
import { TextField } from "@/components/field";
import { useDraft } from "@/session/drafts";
import styles from "./settings.module.css";

const STILL_MS = 250;

/** What a persona would be like before it is saved: in words at once, and as an answer when one asks for it. */
export function Preview({ changes }: { readonly changes: PersonaChanges }) {
  const { t } = useTranslation("settings");
  const [question, setQuestion] = useDraft("persona-preview");
  const settled = useSettled(changes);
  const { data, error } = useQuery({
    queryKey: ["persona", "preview", settled],
    queryFn: () => dataOf(api.POST("/persona/preview", { body: { ...settled, search_knowledge: true } })),
    placeholderData: keepPreviousData,
  });
  const answer = useChange(
    (message: string) =>
      dataOf(api.POST("/persona/preview", { body: { ...changes, message, search_knowledge: true } })),
    { onError: () => undefined },
  );
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (question.trim() !== "" && !answer.isPending) answer.mutate(question.trim());
  };
  return (
    <section className={styles.preview} aria-label={t("preview")}>
      <h3>{t("preview")}</h3>
      {error && <Failure error={error} />}
      {data?.wording.length === 0 && <p className={styles.quiet}>{t("nothingSpecial")}</p>}
      <ul className={styles.wording} aria-live="polite">
        {data?.wording.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <form onSubmit={onSubmit} className={styles.asking}>
        <TextField
          label={t("tryQuestion")}
          value={question}
          onChange={(event) => setQuestion(event.target.value)}
          required
        />
        <Button type="submit" busy={answer.isPending && t("trying")}>
          {t("tryIt")}
        </Button>
      </form>
      {answer.isPending && <Skeleton lines={4} />}
      {answer.error && !answer.isPending && <Failure error={answer.error} />}
      {answer.data && !answer.isPending && (
        <div className={styles.answers}>
          <Said title={t("asNow")} answer={answer.data.before} />
          <Said title={t("asThen")} answer={answer.data.after} />
        </div>
      )}
    </section>
  );
}

function Said({ title, answer }: { readonly title: string; readonly answer: ChatResponse | null }) {
  if (answer === null) return null;
  return (
    <section>
      <h4>{title}</h4>
      <p className={styles.said}>{answer.response}</p>
    </section>
  );
}

/** The value once it has stood still for a moment: a slider that is drawn asks once. */
function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), STILL_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
