import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Failure, Skeleton } from "@/components/feedback";
import { textOf } from "./document-data";
import { unitsOf } from "./locate";
import { centre } from "./scrolling";
import styles from "./source-pane.module.css";

/** How much of a long text is shown around the passage, and how much more at a time. */
const AROUND = 4_000;

interface TextPassageProps {
  readonly documentId: string;
  readonly version: number;
  readonly start: number;
  readonly end: number;
}

/** A document's text with the passage marked in it. */
export function TextPassage({ documentId, version, start, end }: TextPassageProps) {
  const { t } = useTranslation("chat");
  const { data, error, refetch } = useQuery({
    queryKey: ["documents", documentId, "text", version],
    queryFn: () => textOf(documentId, version),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton lines={12} label={t("openingDocument")} />;
  return <Marked key={start} text={data} start={start} end={end} />;
}

function Marked({ text, start, end }: { readonly text: string; readonly start: number; readonly end: number }) {
  const { t } = useTranslation("chat");
  const mark = useRef<HTMLElement>(null);
  const [more, setMore] = useState({ before: AROUND, after: AROUND });
  const [from, to] = useMemo(() => [unitsOf(text, start), unitsOf(text, end)], [text, start, end]);
  useEffect(() => centre(mark.current), []);
  const first = Math.max(0, from - more.before);
  const last = Math.min(text.length, to + more.after);
  return (
    <div className={styles.text} dir="auto">
      {first > 0 && (
        <Button small onClick={() => setMore({ ...more, before: more.before + 4 * AROUND })}>
          {t("moreBefore")}
        </Button>
      )}
      <p>
        {text.slice(first, from)}
        <mark ref={mark}>{text.slice(from, to)}</mark>
        {text.slice(to, last)}
      </p>
      {last < text.length && (
        <Button small onClick={() => setMore({ ...more, after: more.after + 4 * AROUND })}>
          {t("moreAfter")}
        </Button>
      )}
    </div>
  );
}
