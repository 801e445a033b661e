import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { BudgetBody } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState, Failure, Notice, Skeleton, useExplained } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { Panel, Row } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { usd } from "@/i18n/formats";
import { MICRO } from "./cost-data";
import { members, useMemberNames } from "./member-data";

const KEY = ["admin", "budgets"];

/** What may be spent in a day and a month, by the organisation, each member or each key. */
export function Budgets() {
  const { t } = useTranslation("admin");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: KEY,
    queryFn: () => dataOf(api.GET("/tenant/budgets")),
  });
  const nameOf = useSubject();
  const remove = useChange(
    ({ subject, span }: BudgetBody) => dataOf(api.DELETE("/tenant/budgets", { params: { query: { subject, span } } })),
    { reads: [KEY] },
  );
  return (
    <Panel title={t("budgets")} hint={t("budgetsHint")}>
      {isPending && <Skeleton lines={3} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data?.items.length === 0 && <EmptyState title={t("noBudgets")}>{t("noBudgetsHint")}</EmptyState>}
      {data && data.items.length > 0 && (
        <Table<BudgetBody>
          caption={t("budgets")}
          rows={data.items}
          rowKey={(row) => `${row.subject} ${row.span}`}
          columns={[
            { key: "subject", head: t("for"), cell: (row) => nameOf(row.subject) },
            { key: "span", head: t("each"), cell: (row) => t(`spans.${row.span}`, { defaultValue: row.span }) },
            { key: "most", head: t("atMost"), numeric: true, cell: (row) => usd(row.max_micro_usd / MICRO) },
            {
              key: "actions",
              head: t("actions"),
              bare: true,
              numeric: true,
              cell: (row) => (
                <Button
                  small
                  aria-label={t("removeOf", { name: nameOf(row.subject) })}
                  onClick={() => remove.mutate(row)}
                >
                  {t("remove")}
                </Button>
              ),
            },
          ]}
        />
      )}
      <Setting />
    </Panel>
  );
}

function Setting() {
  const { t } = useTranslation("admin");
  const explained = useExplained();
  const { data: users } = useQuery(members);
  const [subject, setSubject] = useState("tenant");
  const [span, setSpan] = useState("month");
  const [dollars, setDollars] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const set = useChange((body: BudgetBody) => dataOf(api.PUT("/tenant/budgets", { body })), {
    reads: [KEY],
    onDone: () => {
      setDollars("");
      setFailure(null);
      toast(t("common:saved"));
    },
    onError: (error) => setFailure(explained(error)),
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!set.isPending) set.mutate({ subject, span, max_micro_usd: Math.round(Number(dollars) * MICRO) });
  };
  return (
    <form onSubmit={onSubmit}>
      {failure && <Notice tone="bad">{failure}</Notice>}
      <Row>
        <Select label={t("for")} value={subject} onChange={(event) => setSubject(event.target.value)}>
          {["tenant", "users", "keys"].map((each) => (
            <option key={each} value={each}>
              {t(`subjects.${each}`)}
            </option>
          ))}
          {users?.map((each) => (
            <option key={each.id} value={`user:${each.id}`}>
              {each.name || each.email}
            </option>
          ))}
        </Select>
        <Select label={t("each")} value={span} onChange={(event) => setSpan(event.target.value)}>
          <option value="day">{t("spans.day")}</option>
          <option value="month">{t("spans.month")}</option>
        </Select>
        <TextField
          label={t("dollars")}
          type="number"
          min={0}
          step="0.01"
          required
          value={dollars}
          onChange={(event) => setDollars(event.target.value)}
        />
        <Button type="submit" busy={set.isPending && t("saving")}>
          {t("setBudget")}
        </Button>
      </Row>
    </form>
  );
}

function useSubject(): (subject: string) => string {
  const { t } = useTranslation("admin");
  const names = useMemberNames();
  return (subject) => {
    const id = subject.split(":")[1];
    return id === undefined ? t(`subjects.${subject}`, { defaultValue: subject }) : (names.get(id) ?? subject);
  };
}
