import { CornerDownRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import styles from "./small.module.css";
import type { Turn } from "./turns";

const MOST = 3;

interface SuggestionsProps {
  readonly turn: Turn;
  readonly onAsk: (question: string) => void;
}

/** What one could ask next: the sections that the search found beside the ones that the answer cites. */
export function Suggestions({ turn, onAsk }: SuggestionsProps) {
  const { t } = useTranslation("chat");
  const sections = besides(turn);
  if (sections.length === 0) return null;
  return (
    <section className={styles.suggestions} aria-label={t("suggestions")}>
      {sections.map((section) => (
        <button
          key={section}
          type="button"
          className={styles.suggestion}
          onClick={() => onAsk(t("suggest", { section }))}
        >
          <CornerDownRight size={14} aria-hidden />
          <span>{t("suggest", { section })}</span>
        </button>
      ))}
    </section>
  );
}

/** Headings of found passages that no citation is in, the best first. */
export function besides({ passages, citations, question }: Turn): readonly string[] {
  const asked = question.toLowerCase();
  const headings = passages
    .filter(
      ({ document_id, start, end }) =>
        !citations.some((each) => each.document_id === document_id && each.start < end && each.end > start),
    )
    .flatMap(({ heading }) => heading.slice(1).slice(-1))
    .map((heading) => heading.replace(/^[\d.§\s]+/, "").trim())
    .filter((heading) => heading.length > 2 && heading.length <= 60 && !asked.includes(heading.toLowerCase()));
  return [...new Set(headings)].slice(0, MOST);
}
