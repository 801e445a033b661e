import { Check, Copy, Info, Pencil, RotateCcw, SearchX, ThumbsDown, ThumbsUp } from "lucide-react";
import { lazy, memo, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CitationResponse } from "@/api/schema";
import { announce } from "@/components/announcer";
import { Button, IconButton } from "@/components/button";
import { Failure } from "@/components/feedback";
import { CitedProvider } from "./cite";
import { Details } from "./details";
import { Opinion, useOpinion } from "./opinion";
import { SourceList } from "./source-list";
import { Suggestions } from "./suggestions";
import styles from "./turn.module.css";
import { isOpen, type Turn } from "./turns";

// Markdown is a third of this page's code: it comes while the first question is being typed.
const answerText = import("./answer-text");
const AnswerText = lazy(() => answerText.then(({ AnswerText }) => ({ default: AnswerText })));

export interface TurnActions {
  readonly onOpen: (turn: Turn, citation: CitationResponse) => void;
  readonly onAsk: (question: string) => void;
  readonly onEdit: (turn: Turn) => void;
  readonly onAgain: (turn: Turn) => void;
}

interface TurnViewProps extends TurnActions {
  readonly turn: Turn;
  /** It is the last one: what goes on from it is offered. */
  readonly last: boolean;
  readonly opened: CitationResponse | null;
}

/** A question as a quiet block, and its answer as text. */
export const TurnView = memo(function TurnView({ turn, last, opened, ...actions }: TurnViewProps) {
  const { t } = useTranslation("chat");
  const markers = turn.citations.map((each) => each.marker);
  const cited = {
    citations: turn.citations,
    open: opened,
    onOpen: (each: CitationResponse) => actions.onOpen(turn, each),
  };
  return (
    <article className={styles.turn} aria-busy={isOpen(turn)}>
      {turn.question !== "" && (
        <div className={styles.asked}>
          <h2 className="visually-hidden">{t("you")}</h2>
          <p className={styles.question} dir="auto">
            {turn.question}
          </p>
          <div className={styles.askedActions}>
            <IconButton label={t("edit")} icon={<Pencil size={15} />} onClick={() => actions.onEdit(turn)} />
          </div>
        </div>
      )}
      <CitedProvider value={cited}>
        <div className={styles.answered}>
          <h2 className="visually-hidden">{t("assistant")}</h2>
          {turn.phase === "refused" ? (
            <Refused text={turn.text} />
          ) : (
            turn.text !== "" && (
              <Suspense fallback={<p className={styles.plain}>{turn.text}</p>}>
                <AnswerText text={turn.text} markers={markers} />
              </Suspense>
            )
          )}
          <Ending turn={turn} onAgain={actions.onAgain} />
          {!isOpen(turn) && <SourceList citations={turn.citations} onOpen={cited.onOpen} />}
          {!isOpen(turn) && turn.phase !== "failed" && <Actions turn={turn} onAgain={last ? actions.onAgain : null} />}
          {last && turn.phase === "answered" && <Suggestions turn={turn} onAsk={actions.onAsk} />}
        </div>
      </CitedProvider>
    </article>
  );
});

/** Nothing supports an answer: a state of its own, with the next step. */
function Refused({ text }: { readonly text: string }) {
  const { t } = useTranslation("chat");
  return (
    <div className={styles.refused}>
      <SearchX size={22} aria-hidden />
      <div>
        <h3>{t("refused")}</h3>
        <p dir="auto">{text}</p>
        <p className={styles.hint}>{t("refusedHint")}</p>
      </div>
    </div>
  );
}

/** How an answer ended, where that is not plain. */
function Ending({ turn, onAgain }: { readonly turn: Turn; readonly onAgain: (turn: Turn) => void }) {
  const { t } = useTranslation("chat");
  if (turn.phase === "failed") return <Failure error={turn.error} onRetry={() => onAgain(turn)} />;
  return turn.stopped && !isOpen(turn) ? <p className={styles.ending}>{t("stopped")}</p> : null;
}

interface ActionsProps {
  readonly turn: Turn;
  /** Null where other turns follow: these would go, too. */
  readonly onAgain: ((turn: Turn) => void) | null;
}

function Actions({ turn, onAgain }: ActionsProps) {
  const { t } = useTranslation("chat");
  const [copied, setCopied] = useState(false);
  const [details, setDetails] = useState(false);
  const opinion = useOpinion(turn.messageId);
  const copy = async () => {
    await navigator.clipboard.writeText(turn.text);
    setCopied(true);
    announce(t("common:copied"));
    setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <>
      <div className={styles.actions} role="toolbar" aria-label={t("answerActions")}>
        <IconButton
          label={copied ? t("common:copied") : t("common:copy")}
          icon={copied ? <Check size={16} /> : <Copy size={16} />}
          onClick={() => void copy()}
        />
        {onAgain && turn.question !== "" && (
          <IconButton label={t("again")} icon={<RotateCcw size={16} />} onClick={() => onAgain(turn)} />
        )}
        {turn.messageId && (
          <>
            <IconButton
              label={t("good")}
              icon={<ThumbsUp size={16} />}
              pressed={opinion.rating === 1}
              onClick={() => opinion.rate(1)}
            />
            <IconButton
              label={t("bad")}
              icon={<ThumbsDown size={16} />}
              pressed={opinion.rating === -1}
              onClick={() => opinion.rate(-1)}
            />
          </>
        )}
        <IconButton
          label={t("details")}
          icon={<Info size={16} />}
          aria-expanded={details}
          onClick={() => setDetails(!details)}
        />
      </div>
      {details && <Details turn={turn} />}
      {opinion.asking && <Opinion opinion={opinion} />}
    </>
  );
}

/** The way back to the latest message, for who reads further up. */
export function ToLatest({ onClick }: { readonly onClick: () => void }) {
  const { t } = useTranslation("chat");
  return (
    <div className={styles.toLatest}>
      <Button small onClick={onClick}>
        {t("toLatest")}
      </Button>
    </div>
  );
}
