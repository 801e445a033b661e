import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { useExplained } from "@/components/feedback";
import { toast } from "@/components/toasts";

/** The caller's conversations, pinned ones first, then the latest. */
export const conversations = infiniteQueryOptions({
  queryKey: ["conversations", "list"],
  queryFn: ({ pageParam }) =>
    dataOf(api.GET("/conversations", { params: { query: { limit: 40, cursor: pageParam ?? undefined } } })),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_cursor ?? null,
});

/** Whether there is any document to ask about. */
export const anyDocuments = queryOptions({
  queryKey: ["documents", "any"],
  queryFn: async () => (await dataOf(api.GET("/documents/", { params: { query: { limit: 1 } } }))).items.length > 0,
  staleTime: 0,
});

/** What can be changed of a conversation. A failure is said, and the list is as the server has it. */
export function useConversationChanges() {
  const { t } = useTranslation("chat");
  const queries = useQueryClient();
  const explained = useExplained();
  const settled = {
    onSettled: () => queries.invalidateQueries({ queryKey: ["conversations"] }),
    onError: (error: unknown) => toast(explained(error), { tone: "bad" }),
  };
  const change = (session_id: string, body: { title?: string; pinned?: boolean }) =>
    dataOf(api.PATCH("/conversations/{session_id}", { params: { path: { session_id } }, body }));
  const rename = useMutation({
    mutationFn: ({ session_id, title }: { session_id: string; title: string }) => change(session_id, { title }),
    ...settled,
  });
  const pin = useMutation({
    mutationFn: ({ session_id, pinned }: { session_id: string; pinned: boolean }) => change(session_id, { pinned }),
    ...settled,
  });
  const remove = useMutation({
    mutationFn: (session_id: string) =>
      dataOf(api.DELETE("/conversations/{session_id}", { params: { path: { session_id } } })),
    onSuccess: () => toast(t("deleted")),
    ...settled,
  });
  return { rename, pin, remove };
}

/** What was said in a conversation, the latest first. */
export const history = (userId: string, conversation: string) =>
  infiniteQueryOptions({
    queryKey: ["history", userId, conversation],
    queryFn: ({ pageParam }) => {
      const query = { session_id: conversation, limit: 40, cursor: pageParam ?? undefined };
      return dataOf(api.GET("/chat/history/{user_id}", { params: { path: { user_id: userId }, query } }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    staleTime: 0,
  });

/** The knowledge bases that can be asked. */
export const collections = queryOptions({
  queryKey: ["collections"],
  queryFn: () => dataOf(api.GET("/collections", { params: { query: { limit: 200 } } })),
});
