import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { api, dataOf } from "@/api/client";
import { download } from "@/api/files";
import { ApiProblem } from "@/api/problems";
import type { ChunkResponse, DocumentResponse, Version } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button, IconButton } from "@/components/button";
import { EmptyState, Failure, Skeleton, Status } from "@/components/feedback";
import { Facts, Stack } from "@/components/panel";
import { Table } from "@/components/table";
import { Tabs } from "@/components/tabs";
import { count, moment, size } from "@/i18n/formats";
import { useNarrow } from "@/shell/viewport";
import { collections, documentOf, isBusy, lastPart } from "./document-data";
import { DocumentMenu, Helping } from "./document-menu";
import { Progressing } from "./document-table";
import styles from "./documents.module.css";
import { isPrinted, Printed } from "./printed";

/** One document: what it says, the chunks that are searched, and its versions. */
export function DocumentView() {
  const { t } = useTranslation("documents");
  const { document: id = "" } = useParams();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const { data: document, error, isPending, refetch } = useQuery(documentOf(id));
  if (isPending) return <Skeleton lines={8} />;
  if (error) {
    const gone = error instanceof ApiProblem && error.status === 404; // it stays so, however often one looks
    return (
      <Stack>
        <Failure error={error} {...(gone ? {} : { onRetry: () => void refetch() })} />
        <Link to="/library">{t("back")}</Link>
      </Stack>
    );
  }
  const printed = isPrinted(document);
  const tabs = [
    ...(printed ? [{ value: "pages", word: t("pages"), content: <Printed document={document} /> }] : []),
    { value: "text", word: t("text"), content: <Text document={document} /> },
    { value: "chunks", word: t("chunks"), content: <Chunks document={document} /> },
    { value: "versions", word: t("versions"), content: <Versions document={document} /> },
  ];
  return (
    <Stack>
      <div className={styles.title}>
        <h2>{document.filename}</h2>
        <DocumentMenu document={document} onGone={() => void navigate("/library")} />
      </div>
      <Progressing document={document} />
      <About document={document} />
      <Tabs
        label={t("parts")}
        value={params.get("part") ?? (printed ? "pages" : "text")}
        onChange={(part) => setParams({ part }, { replace: true })}
        tabs={tabs}
      />
      <Link to="/library">{t("back")}</Link>
    </Stack>
  );
}

function About({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  const { data } = useQuery(collections);
  const collection = data?.find((each) => each.id === document.collection_id)?.name ?? "–";
  return (
    <Facts
      facts={[
        [t("collection"), collection],
        [t("visibleTo"), t(`visibility.${document.visibility}`)],
        [t("size"), size(document.size_bytes)],
        [t("pages"), document.pages === null ? "–" : count(document.pages)],
        [t("chunks"), count(document.chunks)],
        [t("version"), document.version === 0 ? "–" : count(document.version)],
        [t("changed"), moment(document.updated_at)],
      ]}
    />
  );
}

function Text({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["documents", "text", document.id, document.version],
    queryFn: () =>
      dataOf(
        api.GET("/documents/{document_id}/text", { params: { path: { document_id: document.id } }, parseAs: "text" }),
      ),
    enabled: document.version > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (document.version === 0) return <NotYet document={document} />;
  if (isPending) return <Skeleton lines={10} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <section className={styles.text} aria-label={t("text")} tabIndex={0}>
      {data}
    </section>
  );
}

function NotYet({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  // Why stands at its head; there, too, what helps, where there is room.
  const help = useNarrow() && <Helping document={document} />;
  return <EmptyState title={isBusy(document) ? t("notYet") : t("nothingRead")} action={help} />;
}

function Chunks({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["documents", "chunks", document.id, document.version],
    queryFn: ({ pageParam }) =>
      dataOf(
        api.GET("/documents/{document_id}/chunks", {
          params: { path: { document_id: document.id }, query: { limit: 50, cursor: pageParam ?? undefined } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    enabled: document.version > 0,
  });
  if (document.version === 0) return <NotYet document={document} />;
  if (isPending) return <Skeleton lines={10} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <Stack>
      <ol className={styles.chunks}>
        {data.pages
          .flatMap((page) => page.items)
          .map((chunk) => (
            <Chunk key={chunk.id} chunk={chunk} />
          ))}
      </ol>
      {hasNextPage && (
        <Button busy={isFetchingNextPage && t("common:loading")} onClick={() => void fetchNextPage()}>
          {t("showMore")}
        </Button>
      )}
    </Stack>
  );
}

function Chunk({ chunk }: { readonly chunk: ChunkResponse }) {
  const { t } = useTranslation("documents");
  return (
    <li className={styles.chunk}>
      <div className={styles.chunkHead}>
        <span>{t("chunk", { number: count(chunk.ordinal + 1) })}</span>
        {chunk.page !== null && <span>{t("page", { page: count(chunk.page) })}</span>}
        <span>{t("characters", { start: count(chunk.start), end: count(chunk.end) })}</span>
        <span>{t("tokens", { count: chunk.tokens })}</span>
        {chunk.heading.length > 0 && <span>{chunk.heading.join(" › ")}</span>}
      </div>
      <p>{chunk.text}</p>
    </li>
  );
}

function Versions({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["documents", "versions", document.id, document.version, document.status],
    queryFn: () =>
      dataOf(api.GET("/documents/{document_id}/versions", { params: { path: { document_id: document.id } } })),
  });
  const keep = useChange((version: number) =>
    download(`/documents/${document.id}/content?version=${version}`, lastPart(document.filename)),
  );
  if (isPending) return <Skeleton lines={4} />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <Table<Version>
      caption={t("versions")}
      rows={data.items}
      rowKey={(row) => String(row.version)}
      columns={[
        { key: "version", head: t("version"), numeric: true, cell: (row) => count(row.version) },
        {
          key: "answers",
          head: t("answers"),
          cell: (row) => (row.answers ? <Status tone="ok">{t("answersNow")}</Status> : "–"),
        },
        { key: "created", head: t("changed"), cell: (row) => moment(row.created_at) },
        { key: "size", head: t("size"), numeric: true, cell: (row) => size(row.size_bytes) },
        { key: "chunks", head: t("chunks"), numeric: true, secondary: true, cell: (row) => count(row.chunks) },
        {
          key: "download",
          head: t("actions"),
          bare: true,
          numeric: true,
          cell: (row) => (
            <IconButton
              label={t("downloadVersion", { version: count(row.version) })}
              icon={<Download size={16} />}
              onClick={() => keep.mutate(row.version)}
            />
          ),
        },
        { key: "hash", head: "SHA-256", secondary: true, cell: (row) => <code>{row.sha256.slice(0, 12)}</code> },
      ]}
    />
  );
}
