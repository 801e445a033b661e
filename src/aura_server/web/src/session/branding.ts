import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, dataOf } from "@/api/client";
import { brandWith } from "@/theme/theme";

/** The organisation of who is logged in: `queryKey` is shared, so that a change of it shows everywhere. */
export const organisation = {
  queryKey: ["tenant"],
  queryFn: () => dataOf(api.GET("/tenant")),
  staleTime: 300_000,
};

/** The organisation's own picture, if it is one that needs no foreign host. */
export function logoOf(logo: string | null | undefined): string | null {
  return logo?.startsWith("data:image/") ? logo : null;
}

/** The organisation, with its colour put on the page. */
export function useBranding() {
  const { data } = useQuery(organisation);
  const colour = data?.brand_colors.accent ?? data?.brand_colors.primary ?? null;
  useEffect(() => {
    brandWith(colour);
    return () => brandWith(null);
  }, [colour]);
  return data;
}
