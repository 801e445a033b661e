import { useSyncExternalStore } from "react";
import { problemOf, Unreachable } from "@/api/problems";
import type { DocumentResponse, UploadedResponse, UploadResponse, Visibility } from "@/api/schema";
import { sendForm } from "@/api/sending";
import { authorised } from "@/session/session";

/** One file on its way in. `document` is what the server made of it. */
export interface Upload {
  readonly key: number;
  readonly filename: string;
  readonly size: number;
  readonly state: "waiting" | "sending" | "taken" | "refused" | "cancelled";
  /** How much of it has been sent, from 0 to 1. */
  readonly sent: number;
  readonly where: Where;
  readonly error?: unknown;
  readonly document?: UploadedResponse;
}

/** A file, and its name with the folders that it was dropped in. */
export interface Chosen {
  readonly file: File;
  readonly filename: string;
}

interface Where {
  readonly collection: string | null;
  readonly visibility: Visibility;
}

const AT_ONCE = 3;
/** One key a file, so that sending it again after a lost answer makes no second document. */
const keyOf = new Map<number, string>();
const files = new Map<number, { readonly chosen: Chosen; readonly where: Where }>();
const aborts = new Map<number, AbortController>();
const listeners = new Set<() => void>();
let uploads: readonly Upload[] = [];
let next = 1;
let sending = 0;

/** The files of this visit, as far as they are; they go on when the page is left for another of ours. */
export const useUploads = (): readonly Upload[] => useSyncExternalStore(subscribe, () => uploads);

/** Send files, a few at a time. */
export function upload(chosen: readonly Chosen[], where: Where): void {
  const added = chosen.map((each): Upload => {
    const key = next++;
    files.set(key, { chosen: each, where });
    keyOf.set(key, crypto.randomUUID());
    return { key, filename: each.filename, size: each.file.size, state: "waiting", sent: 0, where };
  });
  replace([...uploads, ...added]);
  pump();
}

/** Send a file again that was refused or cancelled. */
export function again(key: number): void {
  become(key, { state: "waiting", error: undefined, document: undefined, sent: 0 });
  pump();
}

/** Send a file in the place of one that was no good, under its name where it is of the same kind. */
export function instead(key: number, file: File): void {
  const held = uploads.find((each) => each.key === key);
  if (held === undefined) return;
  forget(key);
  replace(uploads.filter((each) => each.key !== key));
  upload([{ file, filename: nameFor(file, held.filename) }], held.where);
}

/** Send a file as the next version of a document that could not be read, under its name where it is of the same kind. */
export function mend({ filename, collection_id, visibility }: DocumentResponse, file: File): void {
  upload([{ file, filename: nameFor(file, filename) }], { collection: collection_id, visibility });
}

/** Have one file chosen, in the browser's own dialog. */
export function choose(onFile: (file: File) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.onchange = () => {
    const [file] = input.files ?? [];
    if (file) onFile(file);
  };
  input.click();
}

function nameFor(file: File, before: string): string {
  const ending = (name: string) => /\.[^./]*$/.exec(name)?.[0].toLowerCase();
  return ending(before) === ending(file.name) ? before : file.name;
}

/** Send a file no further. What the server has of it already goes on there. */
export function stop(key: number): void {
  const at = uploads.find((each) => each.key === key)?.state;
  if (at === "waiting") become(key, { state: "cancelled" });
  aborts.get(key)?.abort();
}

/** Drop what is known of uploads that have ended. */
export function clearEnded(): void {
  const kept = uploads.filter((each) => each.state === "waiting" || each.state === "sending");
  for (const each of uploads) if (!kept.includes(each)) forget(each.key);
  replace(kept);
}

function pump(): void {
  while (sending < AT_ONCE) {
    const waiting = uploads.find((each) => each.state === "waiting");
    if (waiting === undefined) return;
    sending += 1;
    become(waiting.key, { state: "sending" });
    void send(waiting.key).finally(() => {
      sending -= 1;
      pump();
    });
  }
}

async function send(key: number): Promise<void> {
  const held = files.get(key);
  if (held === undefined) return;
  const abort = new AbortController();
  aborts.set(key, abort);
  try {
    const onSent = (share: number) => become(key, { sent: share });
    const document = await post(held.chosen, held.where, keyOf.get(key) ?? "", { signal: abort.signal, onSent });
    become(key, { state: document.id === null ? "refused" : "taken", document });
    if (document.id !== null) files.delete(key); // the file itself need not be kept
  } catch (error) {
    if (abort.signal.aborted) return become(key, { state: "cancelled" });
    // Where nothing answered, the file may be there: the same key makes no second document of it.
    if (!(error instanceof Unreachable)) keyOf.set(key, crypto.randomUUID());
    become(key, { state: "refused", error });
  } finally {
    aborts.delete(key);
  }
}

async function post(
  { file, filename }: Chosen,
  where: Where,
  key: string,
  wiring: Parameters<typeof sendForm>[2],
): Promise<UploadedResponse> {
  const form = new FormData();
  form.append("files", file, filename);
  form.append("visibility", where.visibility);
  if (where.collection !== null) form.append("collection", where.collection);
  const init = { method: "POST", headers: { "Idempotency-Key": key } };
  const response = await authorised("/documents/", init, (request) => sendForm(request, form, wiring));
  if (!response.ok) throw await problemOf(response);
  const [document] = ((await response.json()) as UploadResponse).documents;
  if (document === undefined) throw new Error("the server took no file");
  return document;
}

function forget(key: number): void {
  files.delete(key);
  keyOf.delete(key);
}

function become(key: number, changes: Partial<Upload>): void {
  replace(uploads.map((each) => (each.key === key ? { ...each, ...changes } : each)));
}

function replace(next: readonly Upload[]): void {
  uploads = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
