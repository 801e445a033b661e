import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, Outlet, useLocation, useNavigate } from "react-router";
import { Dialog } from "@/components/dialog";
import { Skeleton } from "@/components/feedback";
import { answersOf } from "@/pages/chat/use-answers";
import { useSession } from "@/session/use-session";
import { useKey } from "./keyboard";
import { KeysDialog } from "./keys-dialog";
import { LayoutProvider } from "./layout";
import { OfflineBanner } from "./offline";
import { Rail } from "./rail";
import styles from "./shell.module.css";
import { useNarrow } from "./viewport";

const Commands = lazy(() => import("./commands"));

/** What stands around every page of who is logged in; who is not is led to the login and back again. */
export function Shell() {
  const session = useSession();
  const { pathname, search } = useLocation();
  if (session.status === "unknown") return null;
  if (session.status === "out") {
    const next = pathname === "/" ? "" : `?next=${encodeURIComponent(pathname + search)}`;
    return <Navigate to={`/login${next}`} replace state={{ expired: session.expired }} />;
  }
  return <Frame key={session.identity.userId} userId={session.identity.userId} />;
}

function Frame({ userId }: { readonly userId: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const narrow = useNarrow();
  const [rail, setRail] = useState(false);
  const [commands, setCommands] = useState(false);
  const [keys, setKeys] = useState(false);
  useKey("commands", () => setCommands(true));
  useKey("newChat", () => {
    answersOf(userId).setAside();
    void navigate("/");
  });
  useKey("documents", () => void navigate("/library"));
  useKey("admin", () => void navigate("/console"));
  useKey("settings", () => void navigate("/settings"));
  useKey("help", () => setKeys(true));
  const layout = useMemo(
    () => ({
      openRail: () => setRail(true),
      openCommands: () => setCommands(true),
      openKeys: () => setKeys(true),
    }),
    [],
  );
  return (
    <LayoutProvider value={layout}>
      <a href="#main" className={styles.skip}>
        {t("skip")}
      </a>
      <div className={styles.frame}>
        {narrow ? (
          <Dialog open={rail} onClose={() => setRail(false)} title={t("menu")} place="start" bare>
            <Rail onLeave={() => setRail(false)} />
          </Dialog>
        ) : (
          <aside className={styles.rail} aria-label={t("menu")}>
            <Rail />
          </aside>
        )}
        <div className={styles.content}>
          <OfflineBanner />
          <Suspense fallback={<Waiting />}>
            <Outlet />
          </Suspense>
        </div>
      </div>
      <KeysDialog open={keys} onClose={() => setKeys(false)} />
      {commands && (
        <Suspense>
          <Commands onClose={() => setCommands(false)} />
        </Suspense>
      )}
    </LayoutProvider>
  );
}

/** Holds the place of a page whose code is on its way. */
function Waiting() {
  return (
    <div className={styles.page}>
      <div className={styles.bar} />
      <div className={styles.scrolls}>
        <div className={styles.column}>
          <Skeleton lines={6} />
        </div>
      </div>
    </div>
  );
}
