import { ChartNoAxesCombined, FileText, Keyboard, LogOut, Plus, Search, Settings } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Link, NavLink } from "react-router";
import { classes } from "@/components/classes";
import { Conversations } from "@/pages/chat/conversations";
import { answersOf } from "@/pages/chat/use-answers";
import { logoOf, useBranding } from "@/session/branding";
import { logOut } from "@/session/session";
import { useIdentity } from "@/session/use-session";
import { useLayout } from "./layout";
import styles from "./shell.module.css";

/** Who sees the pages behind a link is the server's rule; a link that would lead to a refusal is not shown. */
export const seesAdmin = (role: string): boolean => role === "admin" || role === "manager";

/** The organisation, the conversations and the way to the other pages. `onLeave` is called when a link was followed. */
export function Rail({ onLeave }: { readonly onLeave?: () => void }) {
  const { t } = useTranslation();
  const identity = useIdentity();
  const organisation = useBranding();
  const { openCommands, openKeys } = useLayout();
  const name = organisation?.organization_name ?? identity.organization;
  const logo = logoOf(organisation?.custom_logo);
  return (
    <div className={styles.railInside}>
      <div className={styles.brand}>
        {logo ? (
          <img src={logo} alt="" className={styles.logo} />
        ) : (
          <span className={styles.monogram} aria-hidden>
            {name.slice(0, 1)}
          </span>
        )}
        <span className={styles.organisation} title={name}>
          {name}
        </span>
      </div>
      <div className={styles.top}>
        <Link
          to="/"
          className={classes(styles.link, styles.new)}
          onClick={() => {
            answersOf(identity.userId).setAside();
            onLeave?.();
          }}
        >
          <Plus size={18} aria-hidden />
          {t("newChat")}
        </Link>
        <button
          type="button"
          className={styles.link}
          onClick={() => {
            onLeave?.();
            openCommands();
          }}
        >
          <Search size={18} aria-hidden />
          {t("search")}
          <kbd className={styles.hintKey}>/</kbd>
        </button>
      </div>
      <Conversations onLeave={onLeave} />
      <nav className={styles.nav} aria-label={t("pages")}>
        <RailLink to="/library" icon={<FileText size={18} aria-hidden />} word={t("documents")} onLeave={onLeave} />
        {seesAdmin(identity.role) && (
          <RailLink
            to="/console"
            icon={<ChartNoAxesCombined size={18} aria-hidden />}
            word={t("admin")}
            onLeave={onLeave}
          />
        )}
        <RailLink to="/settings" icon={<Settings size={18} aria-hidden />} word={t("settings")} onLeave={onLeave} />
        <button type="button" className={classes(styles.link, styles.pointerOnly)} onClick={openKeys}>
          <Keyboard size={18} aria-hidden />
          {t("keyboard")}
          <kbd className={styles.hintKey}>?</kbd>
        </button>
        <button type="button" className={styles.link} onClick={() => void logOut()}>
          <LogOut size={18} aria-hidden />
          {t("logOut")}
        </button>
      </nav>
    </div>
  );
}

interface RailLinkProps {
  readonly to: string;
  readonly icon: React.ReactNode;
  readonly word: string;
  readonly onLeave?: () => void;
}

function RailLink({ to, icon, word, onLeave }: RailLinkProps) {
  return (
    <NavLink to={to} className={({ isActive }) => classes(styles.link, isActive && styles.here)} onClick={onLeave}>
      {icon}
      {word}
    </NavLink>
  );
}
