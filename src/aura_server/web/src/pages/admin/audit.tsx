import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { api, dataOf } from "@/api/client";
import type { Action, Entry } from "@/api/schema";
import { Button } from "@/components/button";
import { EmptyState, Failure, Skeleton } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { Panel, Row } from "@/components/panel";
import { Table } from "@/components/table";
import { moment } from "@/i18n/formats";
import { members, useMemberNames } from "./member-data";

const ACTIONS: readonly Action[] = [
  "signed_up",
  "login",
  "login_failed",
  "logout",
  "password_changed",
  "sessions_revoked",
  "user_added",
  "user_changed",
  "user_deleted",
  "key_made",
  "key_revoked",
  "provider_key_set",
  "provider_key_deleted",
  "budget_set",
  "budget_removed",
  "webhook_added",
  "webhook_changed",
  "webhook_deleted",
  "document_added",
  "document_shared",
  "document_retried",
  "document_cancelled",
  "document_deleted",
  "collection_added",
  "collection_changed",
  "collection_deleted",
  "memory_erased",
  "asked_on_behalf",
  "history_read_on_behalf",
  "settings_changed",
  "plan_changed",
  "exported",
  "imported",
  "reindexed",
  "erased",
];

/** Who did what to which id, the latest first. What is looked for stands in the address, to be reloaded and passed on. */
export function AuditPart() {
  const { t } = useTranslation("admin");
  const { data: users } = useQuery(members);
  const [params, setParams] = useSearchParams();
  const of = (name: string) => params.get(name) ?? "";
  const [actor, since, until] = [of("actor"), day(of("since")), day(of("until"))];
  const action = ACTIONS.find((each) => each === of("action")) ?? "";
  const choose = (name: string) => (event: { readonly target: { readonly value: string } }) => {
    const chosen = new URLSearchParams(params);
    if (event.target.value === "") chosen.delete(name);
    else chosen.set(name, event.target.value);
    setParams(chosen, { replace: true });
  };
  const query = {
    action: action || undefined,
    actor: actor || undefined,
    since: since ? `${since}T00:00:00Z` : undefined,
    until: until ? `${until}T23:59:59Z` : undefined,
  };
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["admin", "audit", query],
    queryFn: ({ pageParam }) =>
      dataOf(api.GET("/admin/audit", { params: { query: { ...query, limit: 100, cursor: pageParam ?? undefined } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    placeholderData: keepPreviousData,
  });
  const rows = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title={t("parts.audit")} hint={t("auditHint")}>
      <Row>
        <Select label={t("action")} value={action} onChange={choose("action")}>
          <option value="">{t("all")}</option>
          {ACTIONS.map((each) => (
            <option key={each} value={each}>
              {t(`actionsDone.${each}`)}
            </option>
          ))}
        </Select>
        <Select label={t("who")} value={actor} onChange={choose("actor")}>
          <option value="">{t("everybody")}</option>
          {users?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name || each.email}
            </option>
          ))}
        </Select>
        <TextField label={t("from")} type="date" value={since} onChange={choose("since")} />
        <TextField label={t("to")} type="date" value={until} onChange={choose("until")} />
      </Row>
      {isPending && <Skeleton lines={8} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && rows.length === 0 && <EmptyState title={t("noEntries")}>{t("noEntriesHint")}</EmptyState>}
      {rows.length > 0 && <Entries rows={rows} />}
      {hasNextPage && (
        <Button busy={isFetchingNextPage && t("common:loading")} onClick={() => void fetchNextPage()}>
          {t("older")}
        </Button>
      )}
    </Panel>
  );
}

/** A day of the calendar as it is written in an address; nothing where it is none. */
const day = (written: string): string => (/^\d{4}-\d{2}-\d{2}$/.test(written) ? written : "");

function Entries({ rows }: { readonly rows: readonly Entry[] }) {
  const { t } = useTranslation("admin");
  const names = useMemberNames();
  const actor = (row: Entry) =>
    (row.actor_id && names.get(row.actor_id)) || t(`actors.${row.actor_kind}`, { defaultValue: row.actor_kind });
  return (
    <Table<Entry>
      caption={t("parts.audit")}
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        { key: "at", head: t("when"), cell: (row) => moment(row.at) },
        { key: "who", head: t("who"), cell: actor },
        {
          key: "what",
          head: t("action"),
          cell: (row) => t(`actionsDone.${row.action}`, { defaultValue: row.action }),
        },
        {
          key: "target",
          head: t("target"),
          secondary: true,
          cell: (row) => (row.target_id ? (names.get(row.target_id) ?? <code>{row.target_id}</code>) : "–"),
        },
        { key: "from", head: t("address"), secondary: true, cell: (row) => row.address || "–" },
      ]}
    />
  );
}
