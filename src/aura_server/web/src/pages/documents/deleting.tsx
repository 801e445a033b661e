import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { ApiProblem } from "@/api/problems";
import type { DocumentResponse, Receipt } from "@/api/schema";
import { Confirm } from "@/components/dialog";
import { useExplained } from "@/components/feedback";
import { toast } from "@/components/toasts";
import { DOCUMENTS } from "./document-data";
import styles from "./documents.module.css";
import { added, useReceipt } from "./receipts";

interface DeletingProps {
  readonly documents: readonly DocumentResponse[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

const NAMED = 6;

/** Asks, deletes one after the other, and shows the receipt of all together. */
export function Deleting({ documents, onClose, onDone }: DeletingProps) {
  const { t } = useTranslation("documents");
  const queries = useQueryClient();
  const explained = useExplained();
  const receiptOf = useReceipt();
  const [done, setDone] = useState<number | null>(null);
  const remove = async () => {
    let receipt: Receipt | null = null;
    let failure: unknown = null;
    for (const [index, { id }] of documents.entries()) {
      setDone(index);
      try {
        const gone = await dataOf(api.DELETE("/documents/{document_id}", { params: { path: { document_id: id } } }));
        receipt = receipt === null ? gone.receipt : added(receipt, gone.receipt);
      } catch (error) {
        if (!(error instanceof ApiProblem && error.status === 404)) failure = error; // 404: somebody was faster
      }
    }
    await queries.invalidateQueries({ queryKey: DOCUMENTS });
    if (receipt !== null) toast(receiptOf(receipt));
    if (failure !== null) toast(explained(failure), { tone: "bad" });
    onDone();
  };
  const names = documents.slice(0, NAMED).map((each) => each.filename);
  return (
    <Confirm
      open
      title={t("deleteTitle", { count: documents.length })}
      action={t("deleteChosen", { count: documents.length })}
      busy={done !== null && t("deleting", { done, all: documents.length })}
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <ul className={styles.names}>
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
        {documents.length > NAMED && <li>{t("andMore", { count: documents.length - NAMED })}</li>}
      </ul>
      <p>{t("deleteWarning")}</p>
    </Confirm>
  );
}
