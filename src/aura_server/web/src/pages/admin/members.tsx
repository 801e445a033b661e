import { useQuery } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { ApiProblem } from "@/api/problems";
import type { Role, UserChanges, UserResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Confirm, Dialog } from "@/components/dialog";
import { Failure, Notice, Skeleton, Status, useExplained } from "@/components/feedback";
import { Select, Switch, TextField } from "@/components/field";
import { Panel, Row, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { moment } from "@/i18n/formats";
import { PasswordField } from "@/pages/access/password-field";
import { useReceipt } from "@/pages/documents/receipts";
import { useIdentity } from "@/session/use-session";
import { members } from "./member-data";

const ROLES: readonly Role[] = ["user", "manager", "admin"];
type Asking = { readonly what: "add" } | { readonly what: "change" | "delete"; readonly of: UserResponse };

/** Who belongs to the organisation, and what each may do. */
export function Members() {
  const { t } = useTranslation("admin");
  const { userId } = useIdentity();
  const { data, error, isPending, refetch } = useQuery(members);
  const [asking, setAsking] = useState<Asking | null>(null);
  const add = (
    <Button look="primary" onClick={() => setAsking({ what: "add" })}>
      <UserPlus size={18} aria-hidden />
      {t("addMember")}
    </Button>
  );
  return (
    <Panel title={t("parts.members")} actions={add}>
      {isPending && <Skeleton lines={5} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && (
        <Table<UserResponse>
          caption={t("parts.members")}
          rows={data}
          rowKey={(row) => row.id}
          columns={[
            { key: "name", head: t("name"), cell: (row) => row.name || row.email },
            { key: "email", head: t("email"), secondary: true, cell: (row) => row.email },
            { key: "role", head: t("role"), cell: (row) => t(`roles.${row.role}`) },
            {
              key: "active",
              head: t("state"),
              cell: (row) => (
                <Status tone={row.is_active ? "ok" : "warn"}>{row.is_active ? t("letIn") : t("switchedOff")}</Status>
              ),
            },
            { key: "since", head: t("since"), secondary: true, cell: (row) => moment(row.created_at) },
            {
              key: "actions",
              head: t("actions"),
              bare: true,
              numeric: true,
              cell: (row) => (
                <Row>
                  <Button
                    small
                    aria-label={t("changeOf", { name: row.email })}
                    onClick={() => setAsking({ what: "change", of: row })}
                  >
                    {t("change")}
                  </Button>
                  {row.id !== userId && (
                    <Button
                      small
                      aria-label={t("deleteOf", { name: row.email })}
                      onClick={() => setAsking({ what: "delete", of: row })}
                    >
                      {t("common:delete")}
                    </Button>
                  )}
                </Row>
              ),
            },
          ]}
        />
      )}
      {asking?.what === "add" && <Adding onClose={() => setAsking(null)} />}
      {asking?.what === "change" && <Changing of={asking.of} onClose={() => setAsking(null)} />}
      {asking?.what === "delete" && <Deleting of={asking.of} onClose={() => setAsking(null)} />}
    </Panel>
  );
}

function Adding({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation("admin");
  const explained = useExplained();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("user");
  const [failure, setFailure] = useState<unknown>(null);
  const add = useChange(() => dataOf(api.POST("/tenant/users", { body: { name, email, password, role } })), {
    reads: [members.queryKey],
    onDone: onClose,
    onError: setFailure,
  });
  const of = (field: string) => (failure instanceof ApiProblem ? failure.of(field) : undefined);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!add.isPending) add.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title={t("addMember")}>
      <form onSubmit={onSubmit}>
        <Stack>
          {failure !== null && <Notice tone="bad">{explained(failure)}</Notice>}
          <TextField label={t("name")} autoFocus value={name} onChange={(event) => setName(event.target.value)} />
          <TextField
            label={t("email")}
            type="email"
            required
            error={of("email")}
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <PasswordField
            label={t("firstPassword")}
            hint={t("firstPasswordHint")}
            autoComplete="new-password"
            required
            error={of("password")}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          <Roles value={role} onChange={setRole} />
          <Row>
            <Button type="submit" look="primary" busy={add.isPending && t("saving")}>
              {t("addMember")}
            </Button>
          </Row>
        </Stack>
      </form>
    </Dialog>
  );
}

function Roles({ value, onChange }: { readonly value: Role; readonly onChange: (role: Role) => void }) {
  const { t } = useTranslation("admin");
  return (
    <Select
      label={t("role")}
      hint={t(`roleHints.${value}`)}
      value={value}
      onChange={(event) => onChange(event.target.value as Role)}
    >
      {ROLES.map((each) => (
        <option key={each} value={each}>
          {t(`roles.${each}`)}
        </option>
      ))}
    </Select>
  );
}

interface OneProps {
  readonly of: UserResponse;
  readonly onClose: () => void;
}

function Changing({ of, onClose }: OneProps) {
  const { t } = useTranslation("admin");
  const explained = useExplained();
  const [changes, setChanges] = useState<UserChanges>({});
  const [failure, setFailure] = useState<string | null>(null);
  const now = { ...of, ...changes };
  const change = (some: UserChanges) => setChanges((before) => ({ ...before, ...some }));
  const save = useChange(
    () => dataOf(api.PATCH("/tenant/users/{user_id}", { params: { path: { user_id: of.id } }, body: changes })),
    { reads: [members.queryKey], onDone: onClose, onError: (error) => setFailure(explained(error)) },
  );
  const actions = (
    <Button look="primary" busy={save.isPending && t("saving")} onClick={() => save.mutate(undefined)}>
      {t("common:save")}
    </Button>
  );
  return (
    <Dialog open onClose={onClose} title={of.email} actions={actions}>
      <Stack>
        {failure && <Notice tone="bad">{failure}</Notice>}
        <TextField label={t("name")} value={now.name} onChange={(event) => change({ name: event.target.value })} />
        <Roles value={now.role} onChange={(role) => change({ role })} />
        <Switch label={t("letIn")} checked={now.is_active} onChange={(is_active) => change({ is_active })} />
        <Switch
          label={t("mayUpload")}
          checked={now.can_upload_documents}
          onChange={(can_upload_documents) => change({ can_upload_documents })}
        />
        <Switch
          label={t("mayView")}
          checked={now.can_view_analytics}
          onChange={(can_view_analytics) => change({ can_view_analytics })}
        />
      </Stack>
    </Dialog>
  );
}

function Deleting({ of, onClose }: OneProps) {
  const { t } = useTranslation("admin");
  const receiptOf = useReceipt();
  const remove = useChange(
    () => dataOf(api.DELETE("/tenant/users/{user_id}", { params: { path: { user_id: of.id } } })),
    {
      reads: [members.queryKey],
      onDone: ({ receipt }) => {
        toast(receiptOf(receipt));
        onClose();
      },
    },
  );
  return (
    <Confirm
      open
      title={t("deleteOf", { name: of.email })}
      action={t("common:delete")}
      busy={remove.isPending && t("removing")}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      {t("deleteMemberWarning")}
    </Confirm>
  );
}
