import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { DocumentResponse } from "@/api/schema";
import { Confirm } from "@/components/dialog";
import { toast } from "@/components/toasts";
import { Names, useEach } from "./each";
import { added, useReceipt } from "./receipts";

interface DeletingProps {
  readonly documents: readonly DocumentResponse[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Asks, deletes one after the other, and shows the receipt of all together. */
export function Deleting({ documents, onClose, onDone }: DeletingProps) {
  const { t } = useTranslation("documents");
  const receiptOf = useReceipt();
  const { done, run } = useEach((document_id) =>
    dataOf(api.DELETE("/documents/{document_id}", { params: { path: { document_id } } })),
  );
  const remove = async () => {
    const receipts = (await run(documents)).map((each) => each.receipt);
    if (receipts.length > 0) toast(receiptOf(receipts.reduce(added)));
    onDone();
  };
  return (
    <Confirm
      open
      title={t("deleteTitle", { count: documents.length })}
      action={t("deleteChosen", { count: documents.length })}
      busy={done !== null && t("deleting", { done, all: documents.length })}
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <Names documents={documents} />
      <p>{t("deleteWarning")}</p>
    </Confirm>
  );
}
