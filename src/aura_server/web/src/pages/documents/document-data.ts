import { queryOptions } from "@tanstack/react-query";
import { api, dataOf } from "@/api/client";
import { allOf } from "@/api/pages";
import type { DocumentResponse } from "@/api/schema";
import type { Tone } from "@/components/feedback";

export const DOCUMENTS = ["documents", "list"] as const;
const COLLECTIONS = ["collections", "all"] as const;

/** Every document that the caller sees, by name. */
export const documents = queryOptions({
  queryKey: DOCUMENTS,
  queryFn: () => allOf((cursor) => dataOf(api.GET("/documents/", { params: { query: { limit: 1000, cursor } } }))),
  staleTime: 5_000,
});

/** The knowledge bases inside the organisation. */
export const collections = queryOptions({
  queryKey: COLLECTIONS,
  queryFn: () => allOf((cursor) => dataOf(api.GET("/collections", { params: { query: { limit: 1000, cursor } } }))),
});

/** One document. */
export const documentOf = (document_id: string) =>
  queryOptions({
    queryKey: ["documents", "one", document_id],
    queryFn: () => dataOf(api.GET("/documents/{document_id}", { params: { path: { document_id } } })),
  });

/** The list with one document put in, or replaced. */
export function withDocument(
  list: readonly DocumentResponse[] | undefined,
  changed: DocumentResponse,
): readonly DocumentResponse[] | undefined {
  if (list === undefined) return undefined;
  const known = list.some((each) => each.id === changed.id);
  return known ? list.map((each) => (each.id === changed.id ? changed : each)) : [...list, changed];
}

/** How a status looks. */
export const TONES: Record<DocumentResponse["status"], Tone> = {
  queued: "plain",
  processing: "plain",
  ready: "ok",
  failed: "bad",
  cancelled: "warn",
};

/** Whether a document is on its way. */
export const isBusy = (document: Pick<DocumentResponse, "status">): boolean =>
  document.status === "queued" || document.status === "processing";

/** Whether a document failed, and would fail the same way each time: a mended file helps, and nothing else. */
export const isHopeless = ({ status, can_retry }: Pick<DocumentResponse, "status" | "can_retry">): boolean =>
  status === "failed" && !can_retry;

/** A name without the folders that it came in. */
export const lastPart = (filename: string): string => filename.slice(filename.lastIndexOf("/") + 1);

export type SortKey = "filename" | "status" | "size_bytes" | "updated_at";

/** The documents that hold every word of `text` in their names, have `status` and lie in `collection`; "" is any. */
export function found(
  list: readonly DocumentResponse[],
  { text, status, collection }: { text: string; status: string; collection: string },
): readonly DocumentResponse[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return list.filter(
    (each) =>
      (status === "" || (status === "busy" ? isBusy(each) : each.status === status)) &&
      (collection === "" || each.collection_id === collection) &&
      words.every((word) => each.filename.toLocaleLowerCase().includes(word)),
  );
}

/** The documents in order; names as the reader's language orders them. */
export function sorted(
  list: readonly DocumentResponse[],
  key: SortKey,
  descending: boolean,
): readonly DocumentResponse[] {
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const compared = (a: DocumentResponse, b: DocumentResponse): number =>
    key === "size_bytes" ? a.size_bytes - b.size_bytes : order.compare(a[key], b[key]);
  return [...list].sort((a, b) => (descending ? -compared(a, b) : compared(a, b)) || (a.id < b.id ? -1 : 1));
}
