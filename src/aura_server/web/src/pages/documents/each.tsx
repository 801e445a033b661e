import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiProblem } from "@/api/problems";
import type { DocumentResponse } from "@/api/schema";
import { useExplained } from "@/components/feedback";
import { toast } from "@/components/toasts";
import styles from "./documents.module.css";

const NAMED = 6;

interface Each<R> {
  /** How many are done while it runs, or null. */
  readonly done: number | null;
  /** Changes one after the other; what came of those that went well. */
  readonly run: (documents: readonly DocumentResponse[]) => Promise<readonly R[]>;
}

/** Changes several documents, and says how many were not changed, and why the last was not. */
export function useEach<R>(change: (document_id: string) => Promise<R>): Each<R> {
  const { t } = useTranslation("documents");
  const queries = useQueryClient();
  const explained = useExplained();
  const [done, setDone] = useState<number | null>(null);
  const run = async (documents: readonly DocumentResponse[]) => {
    const results: R[] = [];
    const failures: unknown[] = [];
    for (const [index, { id }] of documents.entries()) {
      setDone(index);
      try {
        results.push(await change(id));
      } catch (error) {
        if (!(error instanceof ApiProblem && error.status === 404)) failures.push(error); // 404: somebody was faster
      }
    }
    await queries.invalidateQueries({ queryKey: ["documents"] });
    const why = explained(failures.at(-1));
    if (failures.length > 0) toast(t("notChanged", { count: failures.length, why }), { tone: "bad" });
    setDone(null);
    return results;
  };
  return { done, run };
}

/** The names of documents, as many as a dialog has room for. */
export function Names({ documents }: { readonly documents: readonly DocumentResponse[] }) {
  const { t } = useTranslation("documents");
  return (
    <ul className={styles.names}>
      {documents.slice(0, NAMED).map((each) => (
        <li key={each.id}>{each.filename}</li>
      ))}
      {documents.length > NAMED && <li>{t("andMore", { count: documents.length - NAMED })}</li>}
    </ul>
  );
}
