import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, useSearchParams } from "react-router";
import { useSession } from "@/session/use-session";
import styles from "./access.module.css";

/** A page for who is not logged in; who is goes on to where they wanted to be. */
export function AccessFrame({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const { t } = useTranslation("access");
  const session = useSession();
  const [query] = useSearchParams();
  useEffect(() => {
    document.title = `${title} · AURA`;
  }, [title]);
  if (session.status === "in") return <Navigate to={ownPath(query.get("next"))} replace />;
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <p className={styles.brand}>AURA</p>
        <p className={styles.tagline}>{t("tagline")}</p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

/** `next` where it is a path of this application, else its start: an address must not lead away from here. */
export function ownPath(next: string | null): string {
  return next !== null && /^\/(?![/\\])/.test(next) ? next : "/";
}
