import { useSyncExternalStore } from "react";
import { current, type Identity, type SessionState, subscribe } from "./session";

/** The session, and a new rendering at each change of it. */
export function useSession(): SessionState {
  return useSyncExternalStore(subscribe, current);
}

/** Who is logged in, on a page that is shown to nobody else. */
export function useIdentity(): Identity {
  const session = useSession();
  if (session.status !== "in") throw new Error("this page is shown to who is logged in");
  return session.identity;
}
