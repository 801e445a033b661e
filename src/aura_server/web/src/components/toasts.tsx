import { X } from "lucide-react";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "./button";
import { Status, type Tone } from "./feedback";
import styles from "./toasts.module.css";

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
  readonly action?: { readonly word: string; readonly onClick: () => void };
}

const SECONDS = 6;
let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

/** Say something in passing: what was done, with a way back where there is one. A bad one stays until it is closed. */
export function toast(text: string, options: { tone?: Tone; action?: Toast["action"] } = {}): void {
  replace([...toasts.slice(-2), { id: next++, text, tone: options.tone ?? "ok", action: options.action }]);
}

function dismiss(id: number): void {
  replace(toasts.filter((each) => each.id !== id));
}

function replace(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where toasts appear. One for the page. */
export function Toasts() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <section className={styles.region} aria-label={t("messages")} aria-live="polite">
      {shown.map((each) => (
        <Shown key={each.id} toast={each} />
      ))}
    </section>
  );
}

function Shown({ toast: { id, tone, text, action } }: { readonly toast: Toast }) {
  const { t } = useTranslation();
  useEffect(() => {
    if (tone === "bad" || action) return;
    const timer = setTimeout(() => dismiss(id), SECONDS * 1_000);
    return () => clearTimeout(timer);
  }, [id, tone, action]);
  return (
    <div className={styles.toast}>
      <Status tone={tone}>
        <span className={styles.text}>{text}</span>
      </Status>
      {action && (
        <Button
          small
          look="quiet"
          onClick={() => {
            action.onClick();
            dismiss(id);
          }}
        >
          {action.word}
        </Button>
      )}
      <IconButton label={t("close")} icon={<X size={16} />} onClick={() => dismiss(id)} />
    </div>
  );
}
