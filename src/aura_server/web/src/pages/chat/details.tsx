import { useTranslation } from "react-i18next";
import { seconds, usd } from "@/i18n/formats";
import styles from "./small.module.css";
import type { Turn } from "./turns";

/** Which model answered, what it cost and how long it took, as far as it is known. */
export function Details({ turn }: { readonly turn: Turn }) {
  const { t } = useTranslation("chat");
  const { answer } = turn;
  const rows: [string, string][] = [[t("model"), turn.model ?? t("unknown")]];
  if (answer) {
    const { timings, cost } = answer;
    rows.push([t("cost"), cost == null ? t("unknown") : usd(cost)]);
    rows.push([t("retrieval"), seconds(timings.retrieval_seconds)]);
    if (timings.first_token_seconds != null) rows.push([t("firstWord"), seconds(timings.first_token_seconds)]);
    rows.push([t("total"), seconds(timings.total_seconds)]);
    if (turn.passages.length > 0) rows.push([t("passagesRead"), String(turn.passages.length)]);
    if (answer.persona_applied) rows.push([t("persona"), t("personaApplied")]);
  }
  return (
    <dl className={styles.details}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
