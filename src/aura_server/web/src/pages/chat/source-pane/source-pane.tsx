import { ChevronLeft, ChevronRight, Download, X } from "lucide-react";
import { lazy, Suspense, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CitationResponse } from "@/api/schema";
import { IconButton } from "@/components/button";
import { Notice, Skeleton, useExplained } from "@/components/feedback";
import { Segments } from "@/components/field";
import { toast } from "@/components/toasts";
import { usePlace } from "../cite";
import { download } from "./document-data";
import styles from "./source-pane.module.css";
import { TextPassage } from "./text-passage";

const PdfPage = lazy(() => import("./pdf-page"));

interface SourcePaneProps {
  readonly citation: CitationResponse;
  /** All of the answer's, in order. */
  readonly citations: readonly CitationResponse[];
  readonly onOpen: (citation: CitationResponse) => void;
  readonly onClose: () => void;
}

/** The source of a citation: its page, or its text, with the passage marked. */
export function SourcePane({ citation, citations, onOpen, onClose }: SourcePaneProps) {
  const { t } = useTranslation("chat");
  const place = usePlace();
  const at = citations.indexOf(citation);
  return (
    <section className={styles.pane} aria-label={t("source")}>
      <header className={styles.header}>
        <h2 className={styles.title} title={citation.filename}>
          {place(citation)}
        </h2>
        <Steps
          at={at}
          count={citations.length}
          words={[t("previousCitation"), t("nextCitation")]}
          onStep={(next) => citations[next] && onOpen(citations[next])}
        />
        {!citation.remembered && <DownloadButton citation={citation} />}
        <IconButton label={t("closeSource")} keys="Esc" icon={<X size={18} />} onClick={onClose} />
      </header>
      <Body key={`${citation.document_id} ${citation.version} ${citation.start}`} citation={citation} />
    </section>
  );
}

function Body({ citation }: { readonly citation: CitationResponse }) {
  const { t } = useTranslation("chat");
  const { document_id, version, page, quote, start, end, remembered } = citation;
  const printed = page !== null && /\.pdf$/i.test(citation.filename);
  const [view, setView] = useState<"page" | "text">(printed ? "page" : "text");
  const [shown, setShown] = useState(page ?? 1);
  const [pages, setPages] = useState(0);
  const [missing, setMissing] = useState(false);
  const onMissing = useCallback(() => setMissing(true), []);
  if (remembered) return <blockquote className={styles.said}>{quote}</blockquote>;
  return (
    <>
      {printed && (
        <div className={styles.tools}>
          <Segments
            bare
            label={t("view")}
            value={view}
            options={[
              ["page", t("asPage")],
              ["text", t("asText")],
            ]}
            onChange={setView}
          />
          {view === "page" && pages > 1 && (
            <Steps
              at={shown - 1}
              count={pages}
              words={[t("previousPage"), t("nextPage")]}
              onStep={(next) => setShown(next + 1)}
            />
          )}
        </div>
      )}
      {view === "page" && missing && shown === page && <Notice tone="warn">{t("notOnPage")}</Notice>}
      <section className={styles.body} data-scrolls tabIndex={0} aria-label={t("passage")}>
        {view === "page" ? (
          <Suspense fallback={<Skeleton lines={12} label={t("openingDocument")} />}>
            <PdfPage
              documentId={document_id}
              version={version}
              page={shown}
              quote={quote}
              onPages={setPages}
              onMissing={onMissing}
            />
          </Suspense>
        ) : (
          <TextPassage documentId={document_id} version={version} start={start} end={end} />
        )}
      </section>
    </>
  );
}

interface StepsProps {
  readonly at: number;
  readonly count: number;
  readonly words: readonly [back: string, forth: string];
  readonly onStep: (to: number) => void;
}

function Steps({ at, count, words, onStep }: StepsProps) {
  if (count < 2) return null;
  return (
    <div className={styles.steps}>
      <IconButton
        label={words[0]}
        icon={<ChevronLeft size={18} className={styles.arrow} />}
        disabled={at <= 0}
        onClick={() => onStep(at - 1)}
      />
      <span aria-live="polite">
        {at + 1}/{count}
      </span>
      <IconButton
        label={words[1]}
        icon={<ChevronRight size={18} className={styles.arrow} />}
        disabled={at >= count - 1}
        onClick={() => onStep(at + 1)}
      />
    </div>
  );
}

function DownloadButton({ citation: { document_id, version, filename } }: { readonly citation: CitationResponse }) {
  const { t } = useTranslation("chat");
  const explained = useExplained();
  const save = () =>
    download(document_id, version, filename).catch((error) => toast(explained(error), { tone: "bad" }));
  return <IconButton label={t("download")} icon={<Download size={17} />} onClick={() => void save()} />;
}
