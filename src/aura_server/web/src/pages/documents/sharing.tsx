import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { DocumentResponse, Visibility } from "@/api/schema";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { toast } from "@/components/toasts";
import { Names, useEach } from "./each";

/** Whom each document could be shown to instead, by `userId`: what another member added is theirs alone to make private. */
export function sharable(
  documents: readonly DocumentResponse[],
  userId: string,
): Record<Visibility, readonly DocumentResponse[]> {
  return {
    organization: documents.filter((each) => each.visibility === "private"),
    private: documents.filter((each) => each.visibility === "organization" && each.owner_id === userId),
  };
}

interface SharingProps {
  readonly documents: readonly DocumentResponse[];
  readonly to: Visibility;
  readonly onClose: () => void;
}

/** Says who will see what, changes it one after the other, and says what was changed. */
export function Sharing({ documents, to, onClose }: SharingProps) {
  const { t } = useTranslation("documents");
  const { done, run } = useEach((document_id) =>
    dataOf(api.PATCH("/documents/{document_id}", { params: { path: { document_id } }, body: { visibility: to } })),
  );
  const share = async () => {
    const changed = await run(documents);
    if (changed.length > 0) toast(t(`shared.${to}`, { count: changed.length }));
    onClose();
  };
  const actions = (
    <>
      <Button onClick={onClose}>{t("common:cancel")}</Button>
      <Button
        look="primary"
        busy={done !== null && t("sharingNow", { done, all: documents.length })}
        onClick={() => void share()}
      >
        {t(`share.${to}`, { count: documents.length })}
      </Button>
    </>
  );
  return (
    <Dialog open title={t(`shareTitle.${to}`, { count: documents.length })} onClose={onClose} actions={actions}>
      <Names documents={documents} />
      <p>{t(`shareHint.${to}`, { count: documents.length })}</p>
    </Dialog>
  );
}
