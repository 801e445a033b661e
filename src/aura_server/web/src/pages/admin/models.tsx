import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { ProviderKeyResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";
import { Select } from "@/components/field";
import { InlineForm } from "@/components/inline-form";
import { Listed } from "@/components/listed";
import { Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { moment } from "@/i18n/formats";
import { PasswordField } from "@/pages/access/password-field";

const KEY = ["admin", "provider-keys"];
const PROVIDERS = ["openai", "grok", "elevenlabs"];

/** The organisation's own keys for providers of models: written here, and never shown again. */
export function Models() {
  const { t } = useTranslation("admin");
  const query = useQuery({
    queryKey: KEY,
    queryFn: () => dataOf(api.GET("/tenant/provider-keys")),
  });
  const remove = useChange(
    (provider: string) => dataOf(api.DELETE("/tenant/provider-keys/{provider}", { params: { path: { provider } } })),
    { reads: [KEY] },
  );
  return (
    <Panel title={t("providerKeys")} hint={t("providerKeysHint")}>
      <Listed
        query={query}
        rows={query.data?.items}
        lines={3}
        empty={<EmptyState title={t("noProviderKeys")}>{t("noProviderKeysHint")}</EmptyState>}
      >
        {(rows) => (
          <Table<ProviderKeyResponse>
            caption={t("providerKeys")}
            rows={rows}
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
      </Listed>
      <Setting />
    </Panel>
  );
}

function Setting() {
  const { t } = useTranslation("admin");
  const [provider, setProvider] = useState("openai");
  const [key, setKey] = useState("");
  return (
    <InlineForm
      send={() =>
        dataOf(api.PUT("/tenant/provider-keys/{provider}", { params: { path: { provider } }, body: { key } }))
      }
      reads={KEY}
      onSaved={() => setKey("")}
      action={t("keepKey")}
      busy={t("saving")}
    >
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
    </InlineForm>
  );
}
