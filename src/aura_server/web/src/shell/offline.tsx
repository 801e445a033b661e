import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { Notice } from "@/components/feedback";

function subscribe(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}

/** Whether this machine has a network, as far as the browser knows. */
export const useOnline = (): boolean => useSyncExternalStore(subscribe, () => navigator.onLine);

/** Says that there is no network, and that what is typed is kept. */
export function OfflineBanner() {
  const { t } = useTranslation();
  const online = useOnline();
  return <div role="status">{!online && <Notice tone="warn">{t("offline")}</Notice>}</div>;
}
