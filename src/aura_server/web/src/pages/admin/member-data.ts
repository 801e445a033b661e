import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, dataOf } from "@/api/client";
import { allOf } from "@/api/pages";
import { keys } from "@/pages/settings/keys";
import { useIdentity } from "@/session/use-session";

/** The organisation's members. Admins only. */
export const members = queryOptions({
  queryKey: ["members"],
  queryFn: () => allOf((cursor) => dataOf(api.GET("/tenant/users", { params: { query: { limit: 100, cursor } } }))),
});

/** What members and keys are called, by their ids; nothing for who may not list them. */
export function useMemberNames(): ReadonlyMap<string, string> {
  const enabled = useIdentity().role === "admin";
  const { data: users } = useQuery({ ...members, enabled });
  const { data: known } = useQuery({ ...keys, enabled });
  return new Map([
    ...(users ?? []).map((each) => [each.id, each.name || each.email] as const),
    ...(known ?? []).map((each) => [each.id, each.name] as const),
  ]);
}
