import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { DocumentResponse } from "@/api/schema";
import { eventsOf } from "@/api/sse";
import { authorised } from "@/session/session";
import { DOCUMENTS, documentOf, withDocument } from "./document-data";

const AGAIN_MS = 2_000;

/** Keeps the documents on the page as they are on the server, while the page is open. */
export function useLiveDocuments(): void {
  const queries = useQueryClient();
  useEffect(() => {
    const stop = new AbortController();
    const changed = (name: string, document: DocumentResponse) => {
      queries.setQueryData<readonly DocumentResponse[]>(DOCUMENTS, (list) =>
        name === "deleted" ? list?.filter((each) => each.id !== document.id) : withDocument(list, document),
      );
      if (name !== "deleted") queries.setQueryData(documentOf(document.id).queryKey, document);
    };
    void follow(changed, stop.signal);
    return () => stop.abort();
  }, [queries]);
}

/** Reads the changes, and goes on from the last one whenever the connection is lost. */
async function follow(changed: (name: string, document: DocumentResponse) => void, signal: AbortSignal): Promise<void> {
  let since: string | null = null;
  while (!signal.aborted) {
    try {
      const query: string = since === null ? "" : `?since=${encodeURIComponent(since)}`;
      const response = await authorised(`/documents/events${query}`, { signal });
      if (!response.ok || response.body === null) {
        if (response.status < 500 && response.status !== 429) return;
      } else {
        for await (const event of eventsOf(response.body)) {
          if (event.name !== "document" && event.name !== "deleted") continue;
          since = event.id ?? since;
          changed(event.name, event.data as DocumentResponse);
        }
      }
    } catch {
      // the network is away: the next try says whether it is back
    }
    await pause(AGAIN_MS, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
