import { Menu as MenuIcon } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/button";
import { classes } from "@/components/classes";
import { useLayout } from "./layout";
import styles from "./shell.module.css";

interface PageProps {
  readonly title: string;
  /** Buttons at the end of the top bar. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** The page scrolls its own parts, as the chat does; else it is one column that scrolls. */
  readonly fixed?: boolean;
  /** The whole width instead of a column for reading. */
  readonly wide?: boolean;
}

/** A page in the shell: its top bar, its title in the window, and its one `main`. */
export function Page({ title, actions, children, fixed, wide }: PageProps) {
  const { t } = useTranslation();
  const { openRail } = useLayout();
  useEffect(() => {
    document.title = `${title} · AURA`;
  }, [title]);
  return (
    <div className={styles.page}>
      <header className={styles.bar}>
        <span className={styles.opener}>
          <IconButton label={t("openMenu")} icon={<MenuIcon size={20} />} onClick={openRail} />
        </span>
        <h1 className={styles.title} title={title}>
          {title}
        </h1>
        <div className={styles.actions}>{actions}</div>
      </header>
      <main id="main" tabIndex={-1} className={fixed ? styles.fixed : styles.scrolls}>
        {fixed ? children : <div className={classes(styles.column, wide && styles.wide)}>{children}</div>}
      </main>
    </div>
  );
}
