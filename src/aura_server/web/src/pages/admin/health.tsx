import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { PartHealth } from "@/api/schema";
import { Button } from "@/components/button";
import { Failure, Skeleton, Status, type Tone } from "@/components/feedback";
import { Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { milliseconds } from "@/i18n/formats";

const TONES: Record<PartHealth["status"], Tone> = { ok: "ok", degraded: "warn", down: "bad", off: "plain" };
const EACH_MS = 15_000;

/** The parts of the platform, and why one is not well. */
export function HealthPart() {
  const { t } = useTranslation("admin");
  const { data, error, isPending, isFetching, refetch } = useQuery({
    queryKey: ["admin", "health"],
    queryFn: () => dataOf(api.GET("/admin/health")),
    refetchInterval: EACH_MS,
  });
  const again = (
    <Button busy={isFetching && t("looking")} onClick={() => void refetch()}>
      {t("lookAgain")}
    </Button>
  );
  return (
    <Panel title={t("parts.health")} hint={data && t("version", { version: data.version })} actions={again}>
      {isPending && <Skeleton lines={6} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && (
        <Table<PartHealth>
          caption={t("parts.health")}
          rows={data.parts}
          rowKey={(row) => row.name}
          columns={[
            { key: "name", head: t("part"), cell: (row) => row.name.replaceAll("_", " ") },
            {
              key: "status",
              head: t("state"),
              cell: (row) => <Status tone={TONES[row.status]}>{t(`health.${row.status}`)}</Status>,
            },
            { key: "reason", head: t("reason"), cell: (row) => row.reason || "–" },
            {
              key: "latency",
              head: t("tookToTell"),
              numeric: true,
              secondary: true,
              cell: (row) => milliseconds(row.latency_seconds * 1_000),
            },
          ]}
        />
      )}
    </Panel>
  );
}
