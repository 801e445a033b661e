import { QueryClient } from "@tanstack/react-query";
import { isPassing } from "./problems";

/** The one store of what the server said. What passes by itself is asked for again twice; what was refused is not. */
export function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        retry: (failures, error) => failures < 2 && isPassing(error),
        refetchOnWindowFocus: false,
      },
      mutations: { retry: false },
    },
  });
}
