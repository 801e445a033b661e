import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { api, dataOf } from "@/api/client";
import type { Dashboard, Day, Percentiles } from "@/api/schema";
import { BarChart } from "@/components/bar-chart";
import { Failure, Skeleton } from "@/components/feedback";
import { Segments } from "@/components/field";
import { Figure, Figures } from "@/components/figure";
import { Panel, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { count, day, seconds, share, size, usd } from "@/i18n/formats";
import { useIdentity } from "@/session/use-session";
import styles from "./admin.module.css";
import { byDay, daysOf, MICRO } from "./cost-data";
import { Ratings } from "./ratings";

type Counted = Exclude<keyof Day, "day" | "total_seconds">;

const SPANS = ["7", "30", "90"] as const;

/** The organisation in figures: today against the same day of last week, then the days, then what lies behind. */
export function DashboardPart() {
  const { t } = useTranslation("admin");
  const [params, setParams] = useSearchParams();
  const span = SPANS.find((each) => each === params.get("days")) ?? "7";
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["admin", "dashboard", span],
    queryFn: () => dataOf(api.GET("/admin/dashboard", { params: { query: { days: Number(span) } } })),
    placeholderData: keepPreviousData,
  });
  const choice = (
    <Segments
      bare
      label={t("period")}
      value={span}
      options={SPANS.map((each) => [each, t("days", { count: Number(each) })] as const)}
      onChange={(days) => setParams({ days }, { replace: true })}
    />
  );
  return (
    <>
      <Panel title={t("parts.dashboard")} hint={t("dashboardHint")} actions={choice}>
        {isPending && <Skeleton lines={8} />}
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {data && (
          <Stack>
            <Numbers data={data} />
            <Charts data={data} />
            <Latency first={data.first_token_seconds} total={data.total_seconds} />
          </Stack>
        )}
      </Panel>
      {data && <Ratings rated={data.feedback_down} />}
    </>
  );
}

function Numbers({ data }: { readonly data: Dashboard }) {
  const { t } = useTranslation("admin");
  const { role } = useIdentity();
  const { today, answered, inventory, costs } = data;
  const ready = inventory.documents_by_stage.ready ?? 0;
  const failed = inventory.documents_by_stage.failed ?? 0;
  const rated = data.feedback_up + data.feedback_down;
  return (
    <Figures>
      <Figure
        name={t("questionsToday")}
        value={count(today.today.questions)}
        beside={t("lastWeek", { value: count(today.last_week.questions) })}
        to="#questions"
      />
      <Figure name={t("questions")} value={count(answered.questions)} beside={t("inPeriod")} to="#questions" />
      <Figure
        name={t("activeUsers")}
        value={count(data.active_users)}
        beside={t("ofUsers", { count: inventory.users })}
        to={role === "admin" ? "/console/members" : "#users"}
      />
      <Figure
        name={t("refused")}
        value={answered.answers === 0 ? "–" : share(answered.refusals / answered.answers)}
        beside={t("refusedHint", { count: answered.refusals })}
        to="#questions"
      />
      <Figure
        name={t("cost")}
        value={usd(costs.total.cost_micro_usd / MICRO)}
        beside={t("calls", { count: costs.total.calls })}
        to="/console/costs"
      />
      <Figure
        name={t("documentsReady")}
        value={count(ready)}
        beside={t("chunksAndSize", { chunks: count(inventory.chunks), size: size(inventory.storage_bytes) })}
        to="/library?status=ready"
      />
      <Figure name={t("documentsFailed")} value={count(failed)} to="/library?status=failed" />
      <Figure
        name={t("liked")}
        value={rated === 0 ? "–" : share(data.feedback_up / rated)}
        beside={t("ratings", { up: count(data.feedback_up), down: count(data.feedback_down) })}
        to="#feedback"
      />
    </Figures>
  );
}

function Charts({ data }: { readonly data: Dashboard }) {
  const { t } = useTranslation("admin");
  const known = new Map(data.days.map((each) => [each.day, each]));
  const days = daysOf(data.period.first, data.period.last);
  const labels = days.map(day);
  const of = (pick: Counted) => days.map((each) => known.get(each)?.[pick] ?? 0);
  const took = (share: keyof Percentiles) => days.map((each) => known.get(each)?.total_seconds?.[share] ?? 0);
  const others = days.map((_, at) => (of("questions")[at] ?? 0) - (of("refusals")[at] ?? 0));
  return (
    <div className={styles.charts}>
      <BarChart
        id="questions"
        title={t("questionsByDay")}
        labels={labels}
        series={[
          { name: t("otherQuestions"), values: others },
          { name: t("refused"), values: of("refusals") },
        ]}
        format={count}
      />
      <BarChart
        title={t("chatsByDay")}
        labels={labels}
        series={[{ name: t("chats"), values: of("conversations") }]}
        format={count}
      />
      <BarChart
        id="users"
        title={t("usersByDay")}
        labels={labels}
        series={[{ name: t("activeUsers"), values: of("active_users") }]}
        format={count}
      />
      <BarChart
        title={t("costByModel")}
        labels={labels}
        series={byDay(data.costs.lines, days, (line) => line.model || t("noModel"))}
        format={usd}
      />
      <BarChart
        lines
        title={t("latencyByDay")}
        labels={labels}
        series={(["p50", "p95", "p99"] as const).map((each) => ({ name: each, values: took(each) }))}
        format={seconds}
      />
      <BarChart
        id="feedback"
        title={t("feedbackByDay")}
        labels={labels}
        series={[
          { name: t("ratedUp"), values: of("feedback_up") },
          { name: t("ratedDown"), values: of("feedback_down") },
        ]}
        format={count}
      />
      <BarChart
        title={t("documentsByDay")}
        labels={labels}
        series={[{ name: t("documentsAdded"), values: of("documents") }]}
        format={count}
      />
    </div>
  );
}

function Latency({ first, total }: { readonly first: Percentiles; readonly total: Percentiles }) {
  const { t } = useTranslation("admin");
  const rows = [
    { name: t("firstToken"), of: first },
    { name: t("wholeAnswer"), of: total },
  ];
  const said = (value: number | null | undefined) => (value === null || value === undefined ? "–" : seconds(value));
  return (
    <Table
      caption={t("latency")}
      rows={rows}
      rowKey={(row) => row.name}
      columns={[
        { key: "name", head: t("latency"), cell: (row) => row.name },
        { key: "p50", head: "p50", numeric: true, cell: (row) => said(row.of.p50) },
        { key: "p95", head: "p95", numeric: true, cell: (row) => said(row.of.p95) },
        { key: "p99", head: "p99", numeric: true, cell: (row) => said(row.of.p99) },
      ]}
    />
  );
}
