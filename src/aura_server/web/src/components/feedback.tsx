import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiProblem, Unreachable } from "@/api/problems";
import { Button } from "./button";
import { classes } from "./classes";
import styles from "./feedback.module.css";

export type Tone = "ok" | "warn" | "bad" | "plain";

const ICONS = { ok: CircleCheck, warn: TriangleAlert, bad: CircleAlert, plain: Info } as const;

/** A word for a state, told by its word and its icon; the colour only repeats it. */
export function Status({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <span className={classes(styles.status, styles[tone])}>
      <Icon size={14} aria-hidden />
      {children}
    </span>
  );
}

interface NoticeProps {
  readonly tone?: Tone;
  readonly title?: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** A paragraph that stands out. A bad one is said at once. */
export function Notice({ tone = "plain", title, children, action }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div className={classes(styles.notice, styles[tone])} role={tone === "bad" ? "alert" : undefined}>
      <Icon size={18} aria-hidden />
      <div className={styles.said}>
        {title && <strong>{title}</strong>}
        {typeof children === "string" ? <span className={styles.sentence}>{children}</span> : children}
      </div>
      {action}
    </div>
  );
}

/** What an error means, as a sentence that says what happened and what to do. */
export function useExplained(): (error: unknown) => string {
  const { t } = useTranslation();
  return (error) => {
    if (error instanceof Unreachable) return t("unreachable");
    if (!(error instanceof ApiProblem)) return t("brokenHere");
    if (error.status === 429) return t("tooMany", { message: error.message });
    if (error.status >= 500) return t("brokenThere", { id: error.requestId ?? "–" });
    return error.message;
  };
}

/** What went wrong, and the button that tries it again. */
export function Failure({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const { t } = useTranslation();
  const explained = useExplained();
  const action = onRetry && (
    <Button small onClick={onRetry}>
      {t("tryAgain")}
    </Button>
  );
  return (
    <Notice tone="bad" action={action}>
      {explained(error)}
    </Notice>
  );
}

interface EmptyProps {
  readonly icon?: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  /** The one thing to do next. */
  readonly action?: ReactNode;
}

/** Nothing is here yet: says what to do next, with one button. */
export function EmptyState({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={styles.empty}>
      {icon && <span className={styles.emptyIcon}>{icon}</span>}
      <h2>{title}</h2>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

/** Holds the place of what comes: `lines` grey bars. After a second it says in a word what is waited for. */
export function Skeleton({ lines = 3, label }: { readonly lines?: number; readonly label?: string }) {
  const { t } = useTranslation();
  const late = useLate();
  const bars = Array.from({ length: lines }, (_, index) => index);
  return (
    <div className={styles.skeleton} aria-busy>
      <span role="status" className={styles.waiting}>
        {late ? (label ?? t("loading")) : ""}
      </span>
      {bars.map((each) => (
        <span key={each} className={styles.bar} aria-hidden />
      ))}
    </div>
  );
}

/** A thin bar for a share of 0 to 1. */
export function Progress({ label, value }: { readonly label: string; readonly value: number }) {
  return <progress className={styles.progress} aria-label={label} max={1} value={value} />;
}

function useLate(): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 1_000);
    return () => clearTimeout(timer);
  }, []);
  return late;
}
