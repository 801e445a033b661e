import { FileText, MessageSquareQuote } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { CitationResponse } from "@/api/schema";
import { usePlace } from "./cite";
import styles from "./small.module.css";

interface SourceListProps {
  readonly citations: readonly CitationResponse[];
  readonly onOpen: (citation: CitationResponse) => void;
}

/** The sources of an answer, one for each marker and place, as buttons that open them. */
export function SourceList({ citations, onOpen }: SourceListProps) {
  const { t } = useTranslation("chat");
  const place = usePlace();
  if (citations.length === 0) return null;
  const places = new Map(citations.map((each) => [`${each.marker} ${each.document_id} ${each.page}`, each]));
  return (
    // A list with a name, and no landmark: each answer of a conversation has one.
    <ul className={styles.sources} aria-label={t("sources")}>
      {[...places].map(([key, each]) => (
        <li key={key}>
          <button type="button" className={styles.source} onClick={() => onOpen(each)}>
            <span className={styles.number}>{each.marker}</span>
            {each.remembered ? <MessageSquareQuote size={14} aria-hidden /> : <FileText size={14} aria-hidden />}
            <span className={styles.name}>{place(each)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
