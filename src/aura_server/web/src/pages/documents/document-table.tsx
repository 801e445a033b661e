import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import type { CollectionResponse, DocumentResponse } from "@/api/schema";
import { Progress, Status } from "@/components/feedback";
import { type Column, type Sorting, Table } from "@/components/table";
import { moment, seconds, share, size } from "@/i18n/formats";
import { isBusy, TONES } from "./document-data";
import { DocumentMenu } from "./document-menu";
import styles from "./documents.module.css";

interface DocumentTableProps {
  readonly rows: readonly DocumentResponse[];
  readonly collections: readonly CollectionResponse[];
  readonly sorting: Sorting;
  readonly onSort: (sorting: Sorting) => void;
  readonly chosen: ReadonlySet<string>;
  readonly onChosen: (chosen: ReadonlySet<string>) => void;
}

/** Documents as rows; one that is on its way moves. */
export function DocumentTable({ rows, collections, sorting, onSort, chosen, onChosen }: DocumentTableProps) {
  const { t } = useTranslation("documents");
  const names = new Map(collections.map((each) => [each.id, each.name]));
  const columns: readonly Column<DocumentResponse>[] = [
    {
      key: "filename",
      head: t("name"),
      sortable: true,
      cell: (row) => (
        <Link to={`/library/${row.id}`} className={styles.name}>
          {row.filename}
        </Link>
      ),
    },
    { key: "status", head: t("status"), sortable: true, cell: (row) => <Progressing document={row} /> },
    {
      key: "collection",
      head: t("collection"),
      secondary: true,
      cell: (row) => names.get(row.collection_id) ?? "–",
    },
    { key: "visibility", head: t("visibleTo"), secondary: true, cell: (row) => t(`visibility.${row.visibility}`) },
    {
      key: "size_bytes",
      head: t("size"),
      sortable: true,
      numeric: true,
      secondary: true,
      cell: (r) => size(r.size_bytes),
    },
    { key: "updated_at", head: t("changed"), sortable: true, secondary: true, cell: (row) => moment(row.updated_at) },
    { key: "actions", head: t("actions"), bare: true, numeric: true, cell: (row) => <DocumentMenu document={row} /> },
  ];
  return (
    <Table
      caption={t("title")}
      columns={columns}
      rows={rows}
      rowKey={(row) => row.id}
      sorting={sorting}
      onSort={onSort}
      selection={{
        chosen,
        onChange: onChosen,
        name: (row) => t("choose", { name: row.filename }),
        all: t("chooseAll"),
      }}
    />
  );
}

type ProgressingProps = Pick<DocumentResponse, "status" | "stage" | "percent" | "eta_seconds" | "reason" | "filename">;

/** How far a document is: the stage in a word, a thin bar, the time that is left, or why it failed. */
export function Progressing({ document }: { readonly document: ProgressingProps }) {
  const { t } = useTranslation("documents");
  const { status, stage, percent, eta_seconds, reason, filename } = document;
  if (!isBusy(document)) {
    return (
      <div className={styles.state}>
        <Status tone={TONES[status]}>{t(`statuses.${status}`)}</Status>
        {reason && <span className={styles.reason}>{reason}</span>}
      </div>
    );
  }
  return (
    <div className={styles.state}>
      <span className={styles.stage}>
        <Status tone="plain">{t(`stages.${stage}`)}</Status>
        <span className={styles.percent}>
          {share(percent / 100)}
          {eta_seconds !== null && ` · ${t("left", { time: seconds(eta_seconds) })}`}
        </span>
      </span>
      <Progress label={t("progressOf", { name: filename })} value={percent / 100} />
    </div>
  );
}
