import type { ChatResponse, CitationResponse, MessageResponse } from "@/api/schema";

export const SESSION = "11111111-0000-4000-8000-000000000001";
export const RESPONSE = "22222222-0000-4000-8000-000000000001";

export const CITATION: CitationResponse = {
  marker: 1,
  document_id: "33333333-0000-4000-8000-000000000001",
  version: 1,
  filename: "handbook.pdf",
  page: 3,
  start: 10,
  end: 40,
  quote: "Goods may be returned within 47 days.",
  remembered: false,
};

export const ANSWER: ChatResponse = {
  response: "You have 47 days [1].",
  session_id: SESSION,
  message_id: "44444444-0000-4000-8000-000000000001",
  model_used: "extractive",
  response_time: 0.4,
  cost: 0.0012,
  persona_applied: false,
  knowledge_used: true,
  sources: ["handbook.pdf"],
  citations: [CITATION],
  refused: false,
  stopped: false,
  timings: { embedding_seconds: 0.01, retrieval_seconds: 0.05, first_token_seconds: 0.1, total_seconds: 0.4 },
};

/** A passage with a heading of its own, beside what `CITATION` cites. */
export const PASSAGE = {
  document_id: CITATION.document_id,
  version: 1,
  filename: "handbook.pdf",
  page: 4,
  start: 500,
  end: 700,
  heading: ["Handbook", "Opened parcels"],
  text: "…",
  score: 1,
  dense_score: 1,
  bm25_score: 1,
};

/** One half of a turn, as the history has it. */
export function message(role: "user" | "assistant", text: string, number: number): MessageResponse {
  return {
    message_id: `55555555-0000-4000-8000-${String(number).padStart(12, "0")}`,
    session_id: SESSION,
    role,
    text,
    created_at: "2026-01-01T00:00:00Z",
    citations: [],
    model_used: role === "assistant" ? "extractive" : null,
    refused: false,
    stopped: false,
  };
}
