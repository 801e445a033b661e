import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { CostLine, CostSummary, Dimension } from "@/api/schema";
import { BarChart } from "@/components/bar-chart";
import { EmptyState, Failure, Skeleton } from "@/components/feedback";
import { Segments, Select } from "@/components/field";
import { Figure, Figures } from "@/components/figure";
import { Panel, Row, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { count, day, usd } from "@/i18n/formats";
import { useIdentity } from "@/session/use-session";
import { Budgets } from "./budgets";
import { byDay, daysOf, MICRO } from "./cost-data";
import { useMemberNames } from "./member-data";

const SPANS = ["7", "30", "90"] as const;
const DIMENSIONS = ["model", "provider", "user", "key", "kind"] as const satisfies readonly Dimension[];
const NOBODY = "00000000-0000-0000-0000-000000000000";

type Groupable = (typeof DIMENSIONS)[number];

/** What was spent, by what one asks, and what may be spent. */
export function Costs() {
  const { t } = useTranslation("admin");
  const { role } = useIdentity();
  const [span, setSpan] = useState<(typeof SPANS)[number]>("30");
  const [by, setBy] = useState<Groupable>("model");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["admin", "costs", span, by],
    queryFn: () => dataOf(api.GET("/admin/costs", { params: { query: { days: Number(span), by: ["day", by] } } })),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Panel title={t("parts.costs")} hint={t("costsHint")}>
        <Row>
          <Segments
            label={t("period")}
            value={span}
            options={SPANS.map((each) => [each, t("days", { count: Number(each) })] as const)}
            onChange={setSpan}
          />
          <Select label={t("by")} value={by} onChange={(event) => setBy(event.target.value as Groupable)}>
            {DIMENSIONS.map((each) => (
              <option key={each} value={each}>
                {t(`dimensions.${each}`)}
              </option>
            ))}
          </Select>
        </Row>
        {isPending && <Skeleton lines={6} />}
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {data && <Shown data={data} by={by} />}
      </Panel>
      {role === "admin" && <Budgets />}
    </>
  );
}

function Shown({ data, by }: { readonly data: CostSummary; readonly by: Groupable }) {
  const { t } = useTranslation("admin");
  const nameOf = useGroupName(by);
  const days = daysOf(data.period.first, data.period.last);
  const { total } = data;
  if (total.calls === 0) return <EmptyState title={t("noCalls")}>{t("noCallsHint")}</EmptyState>;
  return (
    <Stack>
      <Figures>
        <Figure name={t("cost")} value={usd(total.cost_micro_usd / MICRO)} beside={t("paidByPlatform")} />
        <Figure name={t("ownKey")} value={usd(total.own_key_micro_usd / MICRO)} beside={t("paidYourself")} />
        <Figure name={t("callsName")} value={count(total.calls)} beside={t("failed", { count: total.failures })} />
        <Figure
          name={t("tokens")}
          value={count(total.tokens_in + total.tokens_out)}
          beside={t("tokensInOut", { in: count(total.tokens_in), out: count(total.tokens_out) })}
        />
      </Figures>
      <BarChart title={t("costByDay")} labels={days.map(day)} series={byDay(data.lines, days, nameOf)} format={usd} />
      <Groups lines={data.lines} nameOf={nameOf} />
    </Stack>
  );
}

interface Group {
  readonly name: string;
  readonly calls: number;
  readonly tokens: number;
  readonly dollars: number;
  readonly unpriced: number;
}

function Groups({
  lines,
  nameOf,
}: {
  readonly lines: readonly CostLine[];
  readonly nameOf: (line: CostLine) => string;
}) {
  const { t } = useTranslation("admin");
  return (
    <Table<Group>
      caption={t("parts.costs")}
      rows={grouped(lines, nameOf)}
      rowKey={(row) => row.name}
      columns={[
        { key: "name", head: t("name"), cell: (row) => row.name },
        { key: "calls", head: t("callsName"), numeric: true, cell: (row) => count(row.calls) },
        { key: "tokens", head: t("tokens"), numeric: true, secondary: true, cell: (row) => count(row.tokens) },
        { key: "cost", head: t("cost"), numeric: true, cell: (row) => usd(row.dollars) },
        { key: "unpriced", head: t("unpriced"), numeric: true, secondary: true, cell: (row) => count(row.unpriced) },
      ]}
    />
  );
}

function grouped(lines: readonly CostLine[], nameOf: (line: CostLine) => string): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const line of lines) {
    const name = nameOf(line);
    const { spent } = line;
    const before = groups.get(name) ?? { name, calls: 0, tokens: 0, dollars: 0, unpriced: 0 };
    groups.set(name, {
      name,
      calls: before.calls + spent.calls,
      tokens: before.tokens + spent.tokens_in + spent.tokens_out,
      dollars: before.dollars + (spent.cost_micro_usd + spent.own_key_micro_usd) / MICRO,
      unpriced: before.unpriced + spent.unpriced,
    });
  }
  return [...groups.values()].sort((a, b) => b.dollars - a.dollars || b.calls - a.calls);
}

function useGroupName(by: Groupable): (line: CostLine) => string {
  const { t } = useTranslation("admin");
  const names = useMemberNames();
  return (line) => {
    if (by === "model") return line.model || t("noModel");
    if (by === "provider") return line.provider || t("noModel");
    if (by === "kind") return t(`kinds.${line.kind}`, { defaultValue: line.kind ?? "–" });
    const id = by === "user" ? line.user_id : line.api_key_id;
    if (!id || id === NOBODY) return by === "user" ? t("programs") : t("noKey");
    return names.get(id) ?? id;
  };
}
