import { useQuery } from "@tanstack/react-query";
import { FolderPlus, Pencil, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { api, dataOf } from "@/api/client";
import type { CollectionResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button, IconButton } from "@/components/button";
import { Confirm, Dialog } from "@/components/dialog";
import { EmptyState, Notice, useExplained } from "@/components/feedback";
import { Switch, TextField } from "@/components/field";
import { Listed } from "@/components/listed";
import { Panel } from "@/components/panel";
import { Table } from "@/components/table";
import { toast } from "@/components/toasts";
import { count, moment } from "@/i18n/formats";
import { useIdentity } from "@/session/use-session";
import { collections, DOCUMENTS, documents } from "./document-data";
import styles from "./documents.module.css";
import { useReceipt } from "./receipts";

type Asking = { readonly what: "add" } | { readonly what: "rename" | "delete"; readonly of: CollectionResponse };

/** The knowledge bases; admins make, rename and delete them. */
export function Collections() {
  const { t } = useTranslation("documents");
  const { role } = useIdentity();
  const query = useQuery(collections);
  const { data: all } = useQuery(documents);
  const [asking, setAsking] = useState<Asking | null>(null);
  const admin = role === "admin";
  const within = (id: string) => all?.filter((each) => each.collection_id === id).length ?? 0;
  const add = admin && (
    <Button look="primary" onClick={() => setAsking({ what: "add" })}>
      <FolderPlus size={18} aria-hidden />
      {t("addCollection")}
    </Button>
  );
  return (
    <Panel title={t("collections")} hint={t("collectionsHint")} actions={query.data?.length ? add : undefined}>
      <Listed
        query={query}
        rows={query.data}
        empty={
          <EmptyState title={t("noCollections")} action={add}>
            {t("noCollectionsHint")}
          </EmptyState>
        }
      >
        {(rows) => (
          <Table<CollectionResponse>
            caption={t("collections")}
            rows={rows}
            rowKey={(row) => row.id}
            columns={[
              {
                key: "name",
                head: t("name"),
                cell: (row) => (
                  <Link className={styles.name} to={`/library?collection=${row.id}`}>
                    {row.name}
                  </Link>
                ),
              },
              { key: "description", head: t("description"), secondary: true, cell: (row) => row.description || "–" },
              { key: "documents", head: t("title"), numeric: true, cell: (row) => count(within(row.id)) },
              { key: "created", head: t("created"), secondary: true, cell: (row) => moment(row.created_at) },
              {
                key: "actions",
                head: t("actions"),
                bare: true,
                numeric: true,
                cell: (row) =>
                  admin && (
                    <span className={styles.actions}>
                      <IconButton
                        label={t("renameOf", { name: row.name })}
                        icon={<Pencil size={16} />}
                        onClick={() => setAsking({ what: "rename", of: row })}
                      />
                      <IconButton
                        label={t("deleteOf", { name: row.name })}
                        icon={<Trash2 size={16} />}
                        onClick={() => setAsking({ what: "delete", of: row })}
                      />
                    </span>
                  ),
              },
            ]}
          />
        )}
      </Listed>
      {asking?.what === "add" && <Naming onClose={() => setAsking(null)} />}
      {asking?.what === "rename" && <Naming of={asking.of} onClose={() => setAsking(null)} />}
      {asking?.what === "delete" && (
        <Deleting of={asking.of} documents={within(asking.of.id)} onClose={() => setAsking(null)} />
      )}
    </Panel>
  );
}

function Naming({ of, onClose }: { readonly of?: CollectionResponse; readonly onClose: () => void }) {
  const { t } = useTranslation("documents");
  const explained = useExplained();
  const [name, setName] = useState(of?.name ?? "");
  const [description, setDescription] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const save = useChange(
    () =>
      of === undefined
        ? dataOf(api.POST("/collections", { body: { name, description } }))
        : dataOf(
            api.PATCH("/collections/{collection_id}", { params: { path: { collection_id: of.id } }, body: { name } }),
          ),
    { reads: [["collections"]], onDone: onClose, onError: (error) => setFailure(explained(error)) },
  );
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate(undefined);
  };
  return (
    <Dialog open onClose={onClose} title={of === undefined ? t("addCollection") : t("renameOf", { name: of.name })}>
      <form className={styles.form} onSubmit={onSubmit}>
        {failure && <Notice tone="bad">{failure}</Notice>}
        <TextField
          label={t("name")}
          required
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        {of === undefined && (
          <TextField
            label={t("description")}
            value={description}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
        <div>
          <Button type="submit" look="primary" busy={save.isPending && t("saving")}>
            {t("common:save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface DeletingProps {
  readonly of: CollectionResponse;
  readonly documents: number;
  readonly onClose: () => void;
}

function Deleting({ of, documents: within, onClose }: DeletingProps) {
  const { t } = useTranslation("documents");
  const receiptOf = useReceipt();
  const [whole, setWhole] = useState(false);
  const remove = useChange(
    () =>
      dataOf(
        api.DELETE("/collections/{collection_id}", {
          params: { path: { collection_id: of.id }, query: { documents: whole } },
        }),
      ),
    {
      reads: [["collections"], DOCUMENTS],
      onDone: ({ receipt }) => {
        toast(receiptOf(receipt));
        onClose();
      },
    },
  );
  return (
    <Confirm
      open
      title={t("deleteOf", { name: of.name })}
      action={t("common:delete")}
      busy={remove.isPending && t("common:loading")}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("collectionHolds", { count: within })}</p>
      {within > 0 && <Switch label={t("deleteWithDocuments")} checked={whole} onChange={setWhole} />}
    </Confirm>
  );
}
