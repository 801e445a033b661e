import { useQuery } from "@tanstack/react-query";
import { FileUp, FolderUp, Lock, Trash2, Users } from "lucide-react";
import { useCallback, useDeferredValue, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import type { DocumentResponse, Visibility } from "@/api/schema";
import { Button } from "@/components/button";
import { EmptyState, Failure, Skeleton } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { Row, Stack } from "@/components/panel";
import type { Sorting } from "@/components/table";
import { count } from "@/i18n/formats";
import { useIdentity } from "@/session/use-session";
import { Deleting } from "./deleting";
import { collections, documents, found, type SortKey, sorted } from "./document-data";
import { DocumentTable } from "./document-table";
import styles from "./documents.module.css";
import { chosenIn, useDrop } from "./dropped";
import { Sharing, sharable } from "./sharing";
import { UploadList } from "./upload-list";
import { type Chosen, upload, useUploads } from "./uploads";

const SHOWN = 200;
const SHARES = [
  ["organization", Users],
  ["private", Lock],
] as const;

/** The documents: files in, the list, and what can be done to it. */
export function Library() {
  const { t } = useTranslation("documents");
  const { data, error, isPending, refetch } = useQuery(documents);
  const [params, setParams] = useSearchParams();
  const [collection, setCollection] = useState("");
  const [visibility, setVisibility] = useState<Visibility>("organization");
  const uploads = useUploads();
  const add = useCallback(
    (chosen: readonly Chosen[]) => upload(chosen, { collection: collection || null, visibility }),
    [collection, visibility],
  );
  const over = useDrop(add);
  const filter = {
    text: useDeferredValue(params.get("q") ?? ""),
    status: params.get("status") ?? "",
    collection: params.get("collection") ?? "",
  };
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        if (value === "") before.delete(name);
        else before.set(name, value);
        return before;
      },
      { replace: true },
    );
  return (
    <Stack>
      {over && <div className={styles.drop}>{t("dropHere")}</div>}
      <Adding
        onFiles={add}
        collection={collection}
        onCollection={setCollection}
        visibility={visibility}
        onVisibility={setVisibility}
      />
      <UploadList />
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton lines={8} />}
      {data?.length === 0 && uploads.length === 0 && (
        <EmptyState icon={<FileUp size={32} />} title={t("none")}>
          {t("noneHint")}
        </EmptyState>
      )}
      {data && data.length > 0 && <Listed all={data} filter={filter} text={params.get("q") ?? ""} set={set} />}
    </Stack>
  );
}

interface AddingProps {
  readonly onFiles: (chosen: readonly Chosen[]) => void;
  readonly collection: string;
  readonly onCollection: (id: string) => void;
  readonly visibility: Visibility;
  readonly onVisibility: (visibility: Visibility) => void;
}

function Adding({ onFiles, collection, onCollection, visibility, onVisibility }: AddingProps) {
  const { t } = useTranslation("documents");
  const { data } = useQuery(collections);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const taken = (event: React.ChangeEvent<HTMLInputElement>) => {
    onFiles(chosenIn(event.target.files));
    event.target.value = ""; // the same file can be chosen again
  };
  return (
    <section className={styles.adding} aria-label={t("add")}>
      <Row>
        <Button look="primary" onClick={() => files.current?.click()}>
          <FileUp size={18} aria-hidden />
          {t("addFiles")}
        </Button>
        <Button onClick={() => folder.current?.click()}>
          <FolderUp size={18} aria-hidden />
          {t("addFolder")}
        </Button>
        <Select label={t("intoCollection")} value={collection} onChange={(event) => onCollection(event.target.value)}>
          <option value="">{t("defaultCollection")}</option>
          {data?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
        <Select
          label={t("visibleTo")}
          value={visibility}
          onChange={(event) => onVisibility(event.target.value as Visibility)}
        >
          <option value="organization">{t("visibility.organization")}</option>
          <option value="private">{t("visibility.private")}</option>
        </Select>
      </Row>
      <p className={styles.hint}>{t("addHint")}</p>
      <input ref={files} type="file" multiple hidden aria-label={t("addFiles")} onChange={taken} />
      <input
        ref={(input) => {
          folder.current = input;
          input?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        aria-label={t("addFolder")}
        onChange={taken}
      />
    </section>
  );
}

interface ListedProps {
  readonly all: readonly DocumentResponse[];
  readonly filter: { readonly text: string; readonly status: string; readonly collection: string };
  readonly text: string;
  readonly set: (name: string, value: string) => void;
}

function Listed({ all, filter, text, set }: ListedProps) {
  const { t } = useTranslation("documents");
  const { data: known } = useQuery(collections);
  const [sorting, setSorting] = useState<Sorting>({ key: "updated_at", descending: true });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState(SHOWN);
  const [asking, setAsking] = useState<"delete" | Visibility | null>(null);
  const { text: words, status, collection } = filter;
  const rows = useMemo(
    () => sorted(found(all, { text: words, status, collection }), sorting.key as SortKey, sorting.descending),
    [all, words, status, collection, sorting],
  );
  const marked = rows.filter((each) => chosen.has(each.id));
  const could = sharable(marked, useIdentity().userId);
  const closed = () => setAsking(null);
  return (
    <Stack>
      <Row>
        <TextField label={t("filter")} type="search" value={text} onChange={(event) => set("q", event.target.value)} />
        <Select label={t("status")} value={filter.status} onChange={(event) => set("status", event.target.value)}>
          <option value="">{t("any")}</option>
          {(["ready", "busy", "failed", "cancelled"] as const).map((each) => (
            <option key={each} value={each}>
              {t(`statuses.${each}`)}
            </option>
          ))}
        </Select>
        <Select
          label={t("collection")}
          value={filter.collection}
          onChange={(event) => set("collection", event.target.value)}
        >
          <option value="">{t("any")}</option>
          {known?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
        {SHARES.map(
          ([to, Icon]) =>
            could[to].length > 0 && (
              <Button key={to} onClick={() => setAsking(to)}>
                <Icon size={16} aria-hidden />
                {t(`share.${to}`, { count: could[to].length })}
              </Button>
            ),
        )}
        {marked.length > 0 && (
          <Button look="danger" onClick={() => setAsking("delete")}>
            <Trash2 size={16} aria-hidden />
            {t("deleteChosen", { count: marked.length })}
          </Button>
        )}
      </Row>
      <p className={styles.hint} role="status">
        {t("shown", { shown: count(rows.length), all: count(all.length) })}
      </p>
      <DocumentTable
        rows={rows.slice(0, shown)}
        collections={known ?? []}
        sorting={sorting}
        onSort={setSorting}
        chosen={chosen}
        onChosen={setChosen}
      />
      {rows.length > shown && <Button onClick={() => setShown(shown + SHOWN)}>{t("showMore")}</Button>}
      {asking !== null && asking !== "delete" && <Sharing documents={could[asking]} to={asking} onClose={closed} />}
      {asking === "delete" && (
        <Deleting
          documents={marked}
          onClose={closed}
          onDone={() => {
            setChosen(new Set());
            closed();
          }}
        />
      )}
    </Stack>
  );
}
