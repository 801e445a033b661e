import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { RatedDown } from "@/api/schema";
import { Failure, Skeleton } from "@/components/feedback";
import { Muted, Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { moment } from "@/i18n/formats";
import styles from "./admin.module.css";

const MOST = 50;

/** What was bad about answers, in the words of who asked: the latest ratings, as far as the reader may see them. */
export function Ratings({ rated }: { readonly rated: number }) {
  const { t } = useTranslation("admin");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["admin", "ratings", rated],
    queryFn: () => dataOf(api.GET("/chat/feedback", { params: { query: { limit: MOST } } })),
  });
  const reason = (row: RatedDown) =>
    row.reason === "" ? "–" : t(`chat:reasons.${row.reason}`, { defaultValue: row.reason });
  return (
    <Panel title={t("ratedDownAnswers")} hint={t("ratedDownHint")}>
      {isPending && <Skeleton lines={3} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && data.items.length === 0 && <Muted>{t("noRatings")}</Muted>}
      {data && data.items.length > 0 && (
        <Table<RatedDown>
          caption={t("ratedDownAnswers")}
          rows={data.items}
          rowKey={(row) => row.message_id}
          columns={[
            { key: "at", head: t("when"), secondary: true, cell: (row) => moment(row.rated_at) },
            { key: "question", head: t("question"), cell: (row) => <Said>{row.question}</Said> },
            { key: "answer", head: t("answer"), secondary: true, cell: (row) => <Said>{row.answer}</Said> },
            { key: "reason", head: t("reason"), cell: reason },
            { key: "comment", head: t("comment"), cell: (row) => <Said>{row.comment || "–"}</Said> },
          ]}
        />
      )}
    </Panel>
  );
}

/** What somebody wrote: a few lines of it, as text. */
function Said({ children }: { readonly children: string }) {
  return (
    <span className={styles.said} dir="auto" title={children}>
      {children}
    </span>
  );
}
