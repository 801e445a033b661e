import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { api, dataOf } from "@/api/client";
import type { FactResponse, SourceResponse } from "@/api/schema";
import { Dialog } from "@/components/dialog";
import { Failure, Skeleton } from "@/components/feedback";
import { moment } from "@/i18n/formats";
import styles from "./settings.module.css";

/** The messages that say a fact, each with the place marked. */
export function Why({ fact, onClose }: { readonly fact: FactResponse; readonly onClose: () => void }) {
  const { t } = useTranslation("settings");
  const { data, error, isPending } = useQuery({
    queryKey: ["memory", "why", fact.id],
    queryFn: () => dataOf(api.GET("/memory/facts/{fact_id}/why", { params: { path: { fact_id: fact.id } } })),
  });
  return (
    <Dialog open onClose={onClose} title={t("whyKnown")} wide>
      <p className={styles.said}>“{fact.text}”</p>
      {isPending && <Skeleton lines={3} />}
      {error && <Failure error={error} />}
      {data?.sources.length === 0 && <p className={styles.quiet}>{t("noSources")}</p>}
      <ul className={styles.evidence}>
        {data?.sources.map((source) => (
          <li key={source.message_id}>
            <Marked source={source} />
            <p className={styles.quiet}>
              <Link to={`/c/${source.session_id}`}>{moment(source.said_at)}</Link>
            </p>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function Marked({ source: { text, quote, start } }: { readonly source: SourceResponse }) {
  // Offsets count characters as Python does; the quote itself says where it is in the text of a browser.
  const points = [...text];
  const length = [...quote].length;
  return (
    <p>
      {points.slice(0, start).join("")}
      <mark>{points.slice(start, start + length).join("")}</mark>
      {points.slice(start + length).join("")}
    </p>
  );
}
