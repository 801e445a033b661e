import { useTranslation } from "react-i18next";
import { classes } from "@/components/classes";
import styles from "./state-line.module.css";
import { isOpen, type Turn } from "./turns";

/** What the machine is doing, in a word, at one place: over the message field, where it moves no text. */
export function StateLine({ turn }: { readonly turn: Turn | undefined }) {
  const { t } = useTranslation("chat");
  if (turn === undefined || !isOpen(turn)) return <div className={styles.line} />;
  const word = turn.phase === "asking" ? t("searching") : turn.text === "" ? t("reading") : t("writing");
  const lost = turn.phase === "lost";
  return (
    <div className={classes(styles.line, lost && styles.lost)} role={lost ? "status" : undefined}>
      <span className={styles.pulse} aria-hidden />
      {lost ? t("lost") : word}
    </div>
  );
}
