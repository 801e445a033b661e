import { useCallback, useSyncExternalStore } from "react";

/** Whether a media query holds, now and as it changes. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}

/** The rail is a drawer. */
export const useNarrow = (): boolean => useMedia("(max-width: 719px)");

/** The sources stand beside the conversation. */
export const useRoomy = (): boolean => useMedia("(min-width: 1100px)");
