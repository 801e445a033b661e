import { queryOptions } from "@tanstack/react-query";
import { api, dataOf } from "@/api/client";

/** How the reader is answered: what counts, what is locked, and what was learned. */
export const persona = queryOptions({ queryKey: ["persona"], queryFn: () => dataOf(api.GET("/persona/")) });
