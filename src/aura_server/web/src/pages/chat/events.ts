/** What the events of an answer carry. The server's description names their types but not which event has which. */
export type { ChatResponse, CitationResponse, PassageResponse } from "@/api/schema";

export interface ErrorData {
  readonly kind: string;
  readonly message: string;
  readonly retry_after_seconds: number | null;
}
