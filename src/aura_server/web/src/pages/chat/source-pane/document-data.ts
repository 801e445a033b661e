import { problemOf } from "@/api/problems";
import { authorised } from "@/session/session";

/** A document as it was uploaded. Raises `ApiProblem` or `Unreachable`. */
export async function bytesOf(documentId: string, version: number): Promise<ArrayBuffer> {
  return (await fetched(documentId, "content", version)).arrayBuffer();
}

/** A document's whole text, which the offsets of citations count in. Raises `ApiProblem` or `Unreachable`. */
export async function textOf(documentId: string, version: number): Promise<string> {
  return (await fetched(documentId, "text", version)).text();
}

async function fetched(documentId: string, part: "content" | "text", version: number): Promise<Response> {
  const response = await authorised(`/documents/${encodeURIComponent(documentId)}/${part}?version=${version}`);
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** Save a document as it was uploaded, under its name. */
export async function download(documentId: string, version: number, filename: string): Promise<void> {
  const address = URL.createObjectURL(new Blob([await bytesOf(documentId, version)]));
  const link = Object.assign(document.createElement("a"), { href: address, download: filename.split("/").at(-1) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
