import { queryOptions, useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { allOf } from "@/api/pages";
import type { KeyResponse, NewKeyResponse, Verb } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Confirm, Dialog } from "@/components/dialog";
import { EmptyState, Notice, useExplained } from "@/components/feedback";
import { Select, Switch, TextField } from "@/components/field";
import { Listed } from "@/components/listed";
import { Panel, Row, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { moment } from "@/i18n/formats";
import { useIdentity } from "@/session/use-session";
import styles from "./settings.module.css";

export const keys = queryOptions({
  queryKey: ["keys"],
  queryFn: () => allOf((cursor) => dataOf(api.GET("/tenant/keys", { params: { query: { limit: 100, cursor } } }))),
});

const VERBS: readonly Verb[] = ["read", "ask", "write", "admin"];
const DAYS = [30, 90, 365] as const;
const DAY_MS = 86_400_000;

/** API keys: all of the organisation for admins, one's own for others. */
export function Keys() {
  const { t } = useTranslation("settings");
  const query = useQuery(keys);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewKeyResponse | null>(null);
  const [revoking, setRevoking] = useState<KeyResponse | null>(null);
  const add = (
    <Button look="primary" onClick={() => setMaking(true)}>
      <KeyRound size={18} aria-hidden />
      {t("newKey")}
    </Button>
  );
  return (
    <Panel title={t("parts.keys")} hint={t("keysHint")} actions={query.data?.length ? add : undefined}>
      <Listed
        query={query}
        rows={query.data}
        empty={
          <EmptyState icon={<KeyRound size={32} />} title={t("noKeys")} action={add}>
            {t("noKeysHint")}
          </EmptyState>
        }
      >
        {(rows) => <KeyTable rows={rows} onRevoke={setRevoking} />}
      </Listed>
      {making && (
        <Making
          onClose={() => setMaking(false)}
          onMade={(key) => {
            setMaking(false);
            setMade(key);
          }}
        />
      )}
      {made && <Made made={made} onClose={() => setMade(null)} />}
      {revoking && <Revoking of={revoking} onClose={() => setRevoking(null)} />}
    </Panel>
  );
}

function KeyTable({
  rows,
  onRevoke,
}: {
  readonly rows: readonly KeyResponse[];
  readonly onRevoke: (key: KeyResponse) => void;
}) {
  const { t } = useTranslation("settings");
  return (
    <Table<KeyResponse>
      caption={t("parts.keys")}
      rows={rows}
      rowKey={(row) => row.id}
      columns={[
        { key: "name", head: t("name"), cell: (row) => row.name },
        { key: "prefix", head: t("begins"), secondary: true, cell: (row) => <code>{row.prefix}…</code> },
        {
          key: "may",
          head: t("may"),
          cell: (row) => row.scopes.verbs?.map((verb) => t(`verbs.${verb}`)).join(", ") ?? t("asItsMaker"),
        },
        {
          key: "used",
          head: t("lastUsed"),
          secondary: true,
          cell: (row) => (row.last_used_at ? moment(row.last_used_at) : t("never")),
        },
        {
          key: "ends",
          head: t("ends"),
          secondary: true,
          cell: (row) => (row.expires_at ? moment(row.expires_at) : t("never")),
        },
        {
          key: "actions",
          head: t("actions"),
          bare: true,
          numeric: true,
          cell: (row) => (
            <Button small aria-label={t("revokeOf", { name: row.name })} onClick={() => onRevoke(row)}>
              {t("revoke")}
            </Button>
          ),
        },
      ]}
    />
  );
}

function Making({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: (key: NewKeyResponse) => void }) {
  const { t } = useTranslation("settings");
  const { role } = useIdentity();
  const explained = useExplained();
  const [name, setName] = useState("");
  const [verbs, setVerbs] = useState<ReadonlySet<Verb>>(new Set(["read", "ask"]));
  const [days, setDays] = useState(90);
  const [failure, setFailure] = useState<string | null>(null);
  const make = useChange(
    () => {
      const expires_at = days === 0 ? null : new Date(Date.now() + days * DAY_MS).toISOString();
      return dataOf(api.POST("/tenant/keys", { body: { name, expires_at, scopes: { verbs: [...verbs] } } }));
    },
    { reads: [keys.queryKey], onDone: onMade, onError: (error) => setFailure(explained(error)) },
  );
  const toggle = (verb: Verb, on: boolean) =>
    setVerbs((before) => new Set(on ? [...before, verb] : [...before].filter((each) => each !== verb)));
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!make.isPending) make.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title={t("newKey")}>
      <form onSubmit={onSubmit}>
        <Stack>
          {failure && <Notice tone="bad">{failure}</Notice>}
          <TextField
            label={t("name")}
            required
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <fieldset className={styles.choices}>
            <legend>{t("may")}</legend>
            {VERBS.filter((verb) => verb !== "admin" || role === "admin").map((verb) => (
              <Switch
                key={verb}
                label={t(`verbs.${verb}`)}
                checked={verbs.has(verb)}
                onChange={(on) => toggle(verb, on)}
              />
            ))}
          </fieldset>
          <Select label={t("ends")} value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {DAYS.map((each) => (
              <option key={each} value={each}>
                {t("inDays", { count: each })}
              </option>
            ))}
            <option value={0}>{t("never")}</option>
          </Select>
          <Row>
            <Button type="submit" look="primary" busy={make.isPending && t("making")}>
              {t("make")}
            </Button>
          </Row>
        </Stack>
      </form>
    </Dialog>
  );
}

function Made({ made, onClose }: { readonly made: NewKeyResponse; readonly onClose: () => void }) {
  const { t } = useTranslation("settings");
  const copy = () => navigator.clipboard.writeText(made.key).then(() => toast(t("common:copied")));
  const actions = (
    <>
      <Button onClick={() => void copy()}>{t("common:copy")}</Button>
      <Button look="primary" onClick={onClose}>
        {t("kept")}
      </Button>
    </>
  );
  return (
    <Dialog open onClose={onClose} title={t("keyMade", { name: made.name })} actions={actions} wide>
      <Stack>
        <Notice tone="warn">{t("onceOnly")}</Notice>
        <code className={styles.secret}>{made.key}</code>
      </Stack>
    </Dialog>
  );
}

function Revoking({ of, onClose }: { readonly of: KeyResponse; readonly onClose: () => void }) {
  const { t } = useTranslation("settings");
  const revoke = useChange(() => dataOf(api.DELETE("/tenant/keys/{key_id}", { params: { path: { key_id: of.id } } })), {
    reads: [keys.queryKey],
    onDone: () => {
      toast(t("revoked", { name: of.name }));
      onClose();
    },
  });
  return (
    <Confirm
      open
      title={t("revokeOf", { name: of.name })}
      action={t("revoke")}
      busy={revoke.isPending && t("revoking")}
      onConfirm={() => revoke.mutate(undefined)}
      onClose={onClose}
    >
      {t("revokeWarning")}
    </Confirm>
  );
}
