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
import { DOCUMENTS, isBusy } from "./document-data";
import styles from "./documents.module.css";
import { Sharing, sharable } from "./sharing";

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
  const path = { document_id: document.id };
  const reads = [DOCUMENTS, ["documents", "one", document.id]];
  const retry = useChange(() => dataOf(api.POST("/documents/{document_id}/retry", { params: { path } })), { reads });
  const cancel = useChange(() => dataOf(api.POST("/documents/{document_id}/cancel", { params: { path } })), { reads });
  const keep = useChange(() => download(`/documents/${document.id}/content`, lastPart(document.filename)));
  const ended = document.status === "failed" || document.status === "cancelled";
  return (
    <span className={styles.actions}>
      {ended && (
        <Button
          small
          className={styles.outside}
          busy={retry.isPending && t("retrying")}
          onClick={() => retry.mutate(undefined)}
        >
          {t("retry")}
        </Button>
      )}
      {isBusy(document) && (
        <Button
          small
          className={styles.outside}
          busy={cancel.isPending && t("cancelling")}
          onClick={() => cancel.mutate(undefined)}
        >
          {t("cancel")}
        </Button>
      )}
      <Menu
        trigger={<IconButton label={t("actionsOf", { name: document.filename })} icon={<MoreHorizontal size={16} />} />}
      >
        <MenuItem icon={<Download size={16} />} onSelect={() => keep.mutate(undefined)}>
          {t("download")}
        </MenuItem>
        {ended && (
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

const lastPart = (filename: string): string => filename.slice(filename.lastIndexOf("/") + 1);
