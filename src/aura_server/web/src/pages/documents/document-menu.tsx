import { Ban, Download, FileUp, Lock, MoreHorizontal, RotateCw, Trash2, Users } from "lucide-react";
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
import { DOCUMENTS, isBusy, isHopeless, lastPart } from "./document-data";
import styles from "./documents.module.css";
import { Sharing, sharable } from "./sharing";
import { choose, mend } from "./uploads";

/** The one thing that helps a document: ending the work on it, beginning that anew, or another file. Null where it is ready. */
function useHelp(document: DocumentResponse) {
  const { t } = useTranslation("documents");
  const { id } = document;
  const params = { path: { document_id: id } };
  const reads = [DOCUMENTS, ["documents", "one", id]];
  const retry = useChange(() => dataOf(api.POST("/documents/{document_id}/retry", { params })), { reads });
  const cancel = useChange(() => dataOf(api.POST("/documents/{document_id}/cancel", { params })), { reads });
  if (isBusy(document)) {
    return {
      word: t("cancel"),
      Icon: Ban,
      busy: cancel.isPending && t("cancelling"),
      act: () => cancel.mutate(undefined),
    };
  }
  if (document.can_retry) {
    return {
      word: t("retry"),
      Icon: RotateCw,
      busy: retry.isPending && t("retrying"),
      act: () => retry.mutate(undefined),
    };
  }
  if (isHopeless(document)) {
    const act = () => choose((file) => mend(document, file));
    return { word: t("chooseAgain"), Icon: FileUp, busy: false as const, act };
  }
  return null;
}

interface HelpingProps {
  readonly document: DocumentResponse;
  /** It stands beside a menu that has the same, where the screen is narrow. */
  readonly outside?: boolean;
}

/** The one action that helps a document that is on its way, or did not get through. */
export function Helping({ document, outside }: HelpingProps) {
  const { t } = useTranslation("documents");
  const help = useHelp(document);
  if (help === null) return null;
  return (
    <Button
      small
      className={outside ? styles.outside : undefined}
      aria-label={t("of", { action: help.word, name: document.filename })}
      busy={help.busy}
      onClick={help.act}
    >
      {help.word}
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
  const help = useHelp(document);
  const keep = useChange(() => download(`/documents/${document.id}/content`, lastPart(document.filename)));
  return (
    <span className={styles.actions}>
      <Helping document={document} outside />
      <Menu
        trigger={<IconButton label={t("actionsOf", { name: document.filename })} icon={<MoreHorizontal size={16} />} />}
      >
        <MenuItem icon={<Download size={16} />} onSelect={() => keep.mutate(undefined)}>
          {t("download")}
        </MenuItem>
        {help && (
          <MenuItem icon={<help.Icon size={16} />} onSelect={help.act}>
            {help.word}
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
