import { Ban, Download, Lock, MoreHorizontal, RotateCw, Trash2, Users } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { download } from "@/api/files";
import type { DocumentResponse, Visibility } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button, IconButton } from "@/components/button";
import { Menu, MenuItem, MenuLine } from "@/components/menu";
import { useIdentity } from "@/session/use-session";
import { Deleting } from "./deleting";
import { DOCUMENTS, isBusy, lastPart } from "./document-data";
import styles from "./documents.module.css";
import { Sharing, sharable } from "./sharing";

const hasEnded = ({ status }: DocumentResponse): boolean => status === "failed" || status === "cancelled";

/** Beginning the work on a document anew, and ending it. */
function useWork({ id }: DocumentResponse) {
  const params = { path: { document_id: id } };
  const reads = [DOCUMENTS, ["documents", "one", id]];
  const retry = useChange(() => dataOf(api.POST("/documents/{document_id}/retry", { params })), { reads });
  const cancel = useChange(() => dataOf(api.POST("/documents/{document_id}/cancel", { params })), { reads });
  return { retry, cancel };
}

interface RetryOrCancelProps {
  readonly document: DocumentResponse;
  /** It stands beside a menu that has the same, where the screen is narrow. */
  readonly outside?: boolean;
}

/** The one action that helps a document that is on its way, or did not get through. */
export function RetryOrCancel({ document, outside }: RetryOrCancelProps) {
  const { t } = useTranslation("documents");
  const { retry, cancel } = useWork(document);
  const [word, busy, change] = hasEnded(document)
    ? [t("retry"), retry.isPending && t("retrying"), retry]
    : [t("cancel"), cancel.isPending && t("cancelling"), cancel];
  if (!hasEnded(document) && !isBusy(document)) return null;
  return (
    <Button
      small
      className={outside ? styles.outside : undefined}
      aria-label={t("of", { action: word, name: document.filename })}
      busy={busy}
      onClick={() => change.mutate(undefined)}
    >
      {word}
    </Button>
  );
}

/** What can be done to a document; what helps a failed one stands outside of the menu. */
export function DocumentMenu({
  document,
  onGone,
}: {
  readonly document: DocumentResponse;
  readonly onGone?: () => void;
}) {
  const { t } = useTranslation("documents");
  const [deleting, setDeleting] = useState(false);
  const [sharing, setSharing] = useState<Visibility | null>(null);
  const could = sharable([document], useIdentity().userId);
  const { retry, cancel } = useWork(document);
  const keep = useChange(() => download(`/documents/${document.id}/content`, lastPart(document.filename)));
  return (
    <span className={styles.actions}>
      <RetryOrCancel document={document} outside />
      <Menu
        trigger={<IconButton label={t("actionsOf", { name: document.filename })} icon={<MoreHorizontal size={16} />} />}
      >
        <MenuItem icon={<Download size={16} />} onSelect={() => keep.mutate(undefined)}>
          {t("download")}
        </MenuItem>
        {hasEnded(document) && (
          <MenuItem icon={<RotateCw size={16} />} onSelect={() => retry.mutate(undefined)}>
            {t("retry")}
          </MenuItem>
        )}
        {isBusy(document) && (
          <MenuItem icon={<Ban size={16} />} onSelect={() => cancel.mutate(undefined)}>
            {t("cancel")}
          </MenuItem>
        )}
        {could.organization.length > 0 && (
          <MenuItem icon={<Users size={16} />} onSelect={() => setSharing("organization")}>
            {t("share.organization", { count: 1 })}
          </MenuItem>
        )}
        {could.private.length > 0 && (
          <MenuItem icon={<Lock size={16} />} onSelect={() => setSharing("private")}>
            {t("share.private", { count: 1 })}
          </MenuItem>
        )}
        <MenuLine />
        <MenuItem danger icon={<Trash2 size={16} />} onSelect={() => setDeleting(true)}>
          {t("common:delete")}
        </MenuItem>
      </Menu>
      {sharing && <Sharing documents={[document]} to={sharing} onClose={() => setSharing(null)} />}
      {deleting && (
        <Deleting
          documents={[document]}
          onClose={() => setDeleting(false)}
          onDone={() => {
            setDeleting(false);
            onGone?.();
          }}
        />
      )}
    </span>
  );
}
