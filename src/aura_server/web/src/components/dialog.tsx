import { X } from "lucide-react";
import { createContext, type ReactNode, useContext, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "./button";
import { classes } from "./classes";
import styles from "./dialog.module.css";

const Layer = createContext<HTMLElement | undefined>(undefined);

/** Where what floats is put: into the open dialog around it, where alone it is seen, or else into the page's main part. */
export function useLayer(): HTMLElement | undefined {
  const dialog = useContext(Layer);
  return dialog ?? document.getElementById("main") ?? undefined;
}

interface DialogProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
  /** The buttons at its end. */
  readonly actions?: ReactNode;
  /** Where it stands: in the middle, or as a sheet at a side. */
  readonly place?: "middle" | "start" | "end" | "bottom";
  readonly wide?: boolean;
  /** Its title is said but not seen. */
  readonly bare?: boolean;
}

/** A modal dialog: the browser's own, so that focus stays inside, Escape closes it, and the page behind it is inert. */
export function Dialog({ open, onClose, title, children, actions, place = "middle", wide, bare }: DialogProps) {
  const { t } = useTranslation();
  const [dialog, setDialog] = useState<HTMLDialogElement | null>(null);
  const id = useId();
  useEffect(() => {
    if (!dialog) return;
    if (!dialog.open) dialog.showModal();
    return () => dialog.close();
  }, [dialog]);
  if (!open) return null;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does it by key
    <dialog
      ref={setDialog}
      className={classes(styles.dialog, styles[place], wide && styles.wide)}
      aria-labelledby={id}
      onCancel={(event) => {
        if (event.target !== dialog) return; // React hands on what ends a dialog inside this one
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog) onClose();
      }}
    >
      <Layer value={dialog ?? undefined}>
        <div className={styles.inside}>
          <header className={bare ? "visually-hidden" : styles.header}>
            <h2 id={id}>{title}</h2>
            {!bare && <IconButton label={t("close")} icon={<X size={18} />} onClick={onClose} />}
          </header>
          <div className={bare ? styles.bare : styles.body}>{children}</div>
          {actions && <footer className={styles.actions}>{actions}</footer>}
        </div>
      </Layer>
    </dialog>
  );
}

interface ConfirmProps {
  readonly open: boolean;
  readonly title: string;
  /** What will go, by name and number. */
  readonly children: ReactNode;
  /** The verb on the button, "Delete 3 documents" say. */
  readonly action: string;
  readonly busy?: string | false;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something is destroyed. The button that destroys nothing comes first. */
export function Confirm({ open, title, children, action, busy, onConfirm, onClose }: ConfirmProps) {
  const { t } = useTranslation();
  const actions = (
    <>
      <Button onClick={onClose}>{t("cancel")}</Button>
      <Button look="danger" onClick={onConfirm} busy={busy}>
        {action}
      </Button>
    </>
  );
  return (
    <Dialog open={open} onClose={onClose} title={title} actions={actions}>
      {children}
    </Dialog>
  );
}
