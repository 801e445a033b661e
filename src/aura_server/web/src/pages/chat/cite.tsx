import { Tooltip } from "radix-ui";
import { createContext, useContext } from "react";
import { useTranslation } from "react-i18next";
import type { CitationResponse } from "@/api/schema";
import { useLayer } from "@/components/dialog";
import styles from "./cite.module.css";

interface Cited {
  readonly citations: readonly CitationResponse[];
  /** Which of them is open in the source pane. */
  readonly open: CitationResponse | null;
  readonly onOpen: (citation: CitationResponse) => void;
}

const Current = createContext<Cited>({ citations: [], open: null, onOpen: () => undefined });

export const CitedProvider = Current.Provider;

/** Where a citation points to, in words: "handbook.pdf, page 3". */
export function usePlace(): (citation: CitationResponse) => string {
  const { t } = useTranslation("chat");
  return ({ filename, page, remembered }) => {
    if (remembered) return t("youSaid");
    return page === null ? filename : t("place", { filename, page });
  };
}

/** A raised number: its quote is shown on hover and focus, its source on click. */
export function Cite({ marker }: { readonly marker: number }) {
  const { t } = useTranslation("chat");
  const place = usePlace();
  const layer = useLayer();
  const { citations, open, onOpen } = useContext(Current);
  const cited = citations.filter((each) => each.marker === marker);
  const [first] = cited;
  if (first === undefined) return <sup>{marker}</sup>;
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>
        <button
          type="button"
          className={styles.cite}
          aria-label={t("citation", { marker, place: place(first) })}
          aria-pressed={open !== null && cited.includes(open)}
          onClick={() => onOpen(first)}
        >
          {marker}
        </button>
      </Tooltip.Trigger>
      <Tooltip.Portal container={layer}>
        <Tooltip.Content className={styles.tip} sideOffset={6} collisionPadding={8}>
          {cited.map((each) => (
            <span key={`${each.document_id} ${each.start}`} className={styles.quoted}>
              <q className={styles.quote}>{each.quote}</q>
              <span className={styles.place}>{place(each)}</span>
            </span>
          ))}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
