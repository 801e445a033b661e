import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useExplained } from "@/components/feedback";
import { toast } from "@/components/toasts";

interface Options<V, R> {
  /** What is read anew afterwards, whether it went well or not. */
  readonly reads?: readonly QueryKey[];
  readonly onDone?: (result: R, value: V) => void;
  /** Says what went wrong; a toast unless it is given. */
  readonly onError?: (error: unknown) => void;
}

/** Something that changes what the server has. A failure is said, and what is shown is as the server has it. */
export function useChange<V, R>(change: (value: V) => Promise<R>, options: Options<V, R> = {}) {
  const queries = useQueryClient();
  const explained = useExplained();
  return useMutation({
    mutationFn: change,
    onSuccess: options.onDone,
    onError: (error) => (options.onError ? options.onError(error) : toast(explained(error), { tone: "bad" })),
    onSettled: () => Promise.all((options.reads ?? []).map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}
