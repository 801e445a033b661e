import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { api, dataOf } from "@/api/client";
import type { Job, JobState } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState, Failure, Skeleton, Status, type Tone } from "@/components/feedback";
import { Segments } from "@/components/field";
import { Figure, Figures } from "@/components/figure";
import { Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { count, moment, share } from "@/i18n/formats";

const STATES: readonly JobState[] = ["working", "waiting", "retrying", "dead"];
const TONES: Record<JobState, Tone> = { waiting: "plain", working: "ok", retrying: "warn", dead: "bad" };
const EACH_MS = 5_000;

/** What waits, runs and has failed in the background, with the one thing that helps. */
export function Jobs() {
  const { t } = useTranslation("admin");
  const [params, setParams] = useSearchParams();
  const state = STATES.find((each) => each === params.get("state"));
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["admin", "jobs", state ?? ""],
    queryFn: () => dataOf(api.GET("/admin/jobs", { params: { query: { limit: 200, state } } })),
    refetchInterval: EACH_MS,
    placeholderData: keepPreviousData,
  });
  return (
    <Panel title={t("parts.jobs")} hint={t("jobsHint")}>
      {isPending && <Skeleton lines={6} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && (
        <>
          <Figures>
            {STATES.map((each) => (
              <Figure
                key={each}
                name={t(`jobs.${each}`)}
                value={count(data.overview.documents[each] ?? 0)}
                to={`/console/jobs?state=${each}`}
              />
            ))}
            <Figure
              name={t("oldest")}
              value={data.overview.oldest_queued_at ? moment(data.overview.oldest_queued_at) : "–"}
            />
          </Figures>
          <Segments
            bare
            label={t("state")}
            value={state ?? "all"}
            options={[["all", t("all")] as const, ...STATES.map((each) => [each, t(`jobs.${each}`)] as const)]}
            onChange={(chosen) => setParams(chosen === "all" ? {} : { state: chosen }, { replace: true })}
          />
          {data.items.length === 0 ? (
            <EmptyState title={t("noJobs")}>{t("noJobsHint")}</EmptyState>
          ) : (
            <JobTable rows={data.items} />
          )}
        </>
      )}
    </Panel>
  );
}

function JobTable({ rows }: { readonly rows: readonly Job[] }) {
  const { t } = useTranslation("admin");
  const retry = useChange(
    (document_id: string) => dataOf(api.POST("/documents/{document_id}/retry", { params: { path: { document_id } } })),
    { reads: [["admin", "jobs"]], onDone: ({ filename }) => toast(t("queuedAgain", { name: filename })) },
  );
  return (
    <Table<Job>
      caption={t("parts.jobs")}
      rows={rows}
      rowKey={(row) => row.document_id}
      columns={[
        {
          key: "name",
          head: t("document"),
          cell: (row) => <Link to={`/library/${row.document_id}`}>{row.filename}</Link>,
        },
        {
          key: "state",
          head: t("state"),
          cell: (row) => <Status tone={TONES[row.state]}>{t(`jobs.${row.state}`)}</Status>,
        },
        {
          key: "stage",
          head: t("stage"),
          secondary: true,
          cell: (row) => `${t(`documents:stages.${row.stage}`)} · ${share(row.percent / 100)}`,
        },
        { key: "reason", head: t("reason"), cell: (row) => row.reason ?? "–" },
        { key: "attempts", head: t("attempts"), numeric: true, secondary: true, cell: (row) => count(row.attempts) },
        { key: "since", head: t("since"), secondary: true, cell: (row) => moment(row.queued_at) },
        {
          key: "actions",
          head: t("actions"),
          bare: true,
          numeric: true,
          cell: (row) =>
            row.can_retry && (
              <Button
                small
                aria-label={t("retryOf", { name: row.filename })}
                onClick={() => retry.mutate(row.document_id)}
              >
                {t("common:tryAgain")}
              </Button>
            ),
        },
      ]}
    />
  );
}
