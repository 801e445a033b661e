import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { BudgetBody } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { InlineForm } from "@/components/inline-form";
import { Listed } from "@/components/listed";
import { Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { usd } from "@/i18n/formats";
import { MICRO } from "./cost-data";
import { members, useMemberNames } from "./member-data";

const KEY = ["admin", "budgets"];

/** What may be spent in a day and a month, by the organisation, each member or each key. */
export function Budgets() {
  const { t } = useTranslation("admin");
  const query = useQuery({
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
      <Listed
        query={query}
        rows={query.data?.items}
        lines={3}
        empty={<EmptyState title={t("noBudgets")}>{t("noBudgetsHint")}</EmptyState>}
      >
        {(rows) => (
          <Table<BudgetBody>
            caption={t("budgets")}
            rows={rows}
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
      </Listed>
      <Setting />
    </Panel>
  );
}

function Setting() {
  const { t } = useTranslation("admin");
  const { data: users } = useQuery(members);
  const [subject, setSubject] = useState("tenant");
  const [span, setSpan] = useState("month");
  const [dollars, setDollars] = useState("");
  const body = () => ({ subject, span, max_micro_usd: Math.round(Number(dollars) * MICRO) });
  return (
    <InlineForm
      send={() => dataOf(api.PUT("/tenant/budgets", { body: body() }))}
      reads={KEY}
      onSaved={() => setDollars("")}
      action={t("setBudget")}
      busy={t("saving")}
    >
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
    </InlineForm>
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
