import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
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

/** Who did what to which id, the latest first. */
export function AuditPart() {
  const { t } = useTranslation("admin");
  const { data: users } = useQuery(members);
  const [action, setAction] = useState("");
  const [actor, setActor] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const query = {
    action: (action as Action) || undefined,
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
        <Select label={t("action")} value={action} onChange={(event) => setAction(event.target.value)}>
          <option value="">{t("all")}</option>
          {ACTIONS.map((each) => (
            <option key={each} value={each}>
              {t(`actionsDone.${each}`)}
            </option>
          ))}
        </Select>
        <Select label={t("who")} value={actor} onChange={(event) => setActor(event.target.value)}>
          <option value="">{t("everybody")}</option>
          {users?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name || each.email}
            </option>
          ))}
        </Select>
        <TextField label={t("from")} type="date" value={since} onChange={(event) => setSince(event.target.value)} />
        <TextField label={t("to")} type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
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
