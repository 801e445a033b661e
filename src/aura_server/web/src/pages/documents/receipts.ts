import { useTranslation } from "react-i18next";
import type { Receipt } from "@/api/schema";

const PARTS = [
  "documents",
  "chunks",
  "vectors",
  "files",
  "conversations",
  "messages",
  "facts",
  "summaries",
  "persona",
  "users",
] as const;

/** What was removed, as a sentence: what there was none of is left out. */
export function useReceipt(): (receipt: Receipt) => string {
  const { t } = useTranslation("documents");
  return (receipt) => {
    const said = PARTS.filter((part) => receipt[part] > 0).map((part) =>
      t(`receipt.${part}`, { count: receipt[part] }),
    );
    return said.length === 0 ? t("receipt.nothing") : t("receipt.removed", { parts: said.join(", ") });
  };
}

/** Two receipts as one. */
export function added(one: Receipt, other: Receipt): Receipt {
  const sum = { ...one };
  for (const key of Object.keys(one) as (keyof Receipt)[]) sum[key] = one[key] + other[key];
  return sum;
}
