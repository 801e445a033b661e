import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { ProviderKeyResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState, Failure, Notice, Skeleton, useExplained } from "@/components/feedback";
import { Select } from "@/components/field";
import { Panel, Row } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { moment } from "@/i18n/formats";
import { PasswordField } from "@/pages/access/password-field";

const KEY = ["admin", "provider-keys"];
const PROVIDERS = ["openai", "grok", "elevenlabs"];

/** The organisation's own keys for providers of models: written here, and never shown again. */
export function Models() {
  const { t } = useTranslation("admin");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: KEY,
    queryFn: () => dataOf(api.GET("/tenant/provider-keys")),
  });
  const remove = useChange(
    (provider: string) => dataOf(api.DELETE("/tenant/provider-keys/{provider}", { params: { path: { provider } } })),
    { reads: [KEY] },
  );
  return (
    <Panel title={t("providerKeys")} hint={t("providerKeysHint")}>
      {isPending && <Skeleton lines={3} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data?.items.length === 0 && <EmptyState title={t("noProviderKeys")}>{t("noProviderKeysHint")}</EmptyState>}
      {data && data.items.length > 0 && (
        <Table<ProviderKeyResponse>
          caption={t("providerKeys")}
          rows={data.items}
          rowKey={(row) => row.provider}
          columns={[
            { key: "provider", head: t("provider"), cell: (row) => row.provider },
            { key: "since", head: t("since"), cell: (row) => moment(row.created_at) },
            {
              key: "actions",
              head: t("actions"),
              bare: true,
              numeric: true,
              cell: (row) => (
                <Button
                  small
                  aria-label={t("removeOf", { name: row.provider })}
                  onClick={() => remove.mutate(row.provider)}
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
  const [provider, setProvider] = useState("openai");
  const [key, setKey] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const set = useChange(
    () => dataOf(api.PUT("/tenant/provider-keys/{provider}", { params: { path: { provider } }, body: { key } })),
    {
      reads: [KEY],
      onDone: () => {
        setKey("");
        setFailure(null);
        toast(t("common:saved"));
      },
      onError: (error) => setFailure(explained(error)),
    },
  );
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!set.isPending) set.mutate(undefined);
  };
  return (
    <form onSubmit={onSubmit}>
      {failure && <Notice tone="bad">{failure}</Notice>}
      <Row>
        <Select label={t("provider")} value={provider} onChange={(event) => setProvider(event.target.value)}>
          {PROVIDERS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </Select>
        <PasswordField
          label={t("key")}
          autoComplete="off"
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <Button type="submit" busy={set.isPending && t("saving")}>
          {t("keepKey")}
        </Button>
      </Row>
    </form>
  );
}
