import type { ConversationResponse } from "@/api/schema";

export type Day = "pinned" | "today" | "yesterday" | "week" | "month" | "older";

const ORDER: readonly Day[] = ["pinned", "today", "yesterday", "week", "month", "older"];

/** Conversations by how long ago they were last talked in; groups that are empty are left out. */
export function grouped(
  conversations: readonly ConversationResponse[],
  now = new Date(),
): readonly (readonly [Day, readonly ConversationResponse[]])[] {
  return ORDER.map((day) => [day, conversations.filter((each) => dayOf(each, now) === day)] as const).filter(
    ([, items]) => items.length > 0,
  );
}

function dayOf({ pinned, updated_at }: ConversationResponse, now: Date): Day {
  if (pinned) return "pinned";
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(new Date(updated_at))) / 86_400_000);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  if (days <= 7) return "week";
  return days <= 30 ? "month" : "older";
}
