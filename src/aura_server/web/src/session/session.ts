import { ApiProblem, problemOf, Unreachable } from "@/api/problems";
import type { LoginResponse, Role } from "@/api/schema";

/** Who is logged in. */
export interface Identity {
  readonly userId: string;
  readonly tenantId: string;
  readonly organization: string;
  readonly role: Role;
}

/** What sends a request. */
export type Sender = (request: Request) => Promise<Response>;

export type SessionState =
  | { readonly status: "unknown" }
  | { readonly status: "out"; readonly expired: boolean }
  | { readonly status: "in"; readonly identity: Identity };

/** Asks the server to keep the refresh token in a cookie that no script reads. Other origins can not send this header. */
const COOKIE_SESSION = { "X-Aura-Session": "cookie", "Content-Type": "application/json" };
const EARLY_SECONDS = 30;
/** Not a secret: that somebody logged in here, so that a first visit asks nothing, and that somebody logged out. */
const TRACE = "aura.session";
/** Whose drafts this tab keeps. */
const OWNER = "aura.owner";

let state: SessionState = { status: "unknown" };
let accessToken: string | null = null;
let staleAt = 0;
let refreshing: Promise<boolean> | null = null;
const listeners = new Set<() => void>();

/** The session as it is now. */
export const current = (): SessionState => state;

/** Calls `listener` at each change, until what it returns is called. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Go on with the session that this browser has, if it has one. Call it once, at the start. */
export async function restore(): Promise<void> {
  window.addEventListener("storage", (event) => {
    if (event.key === TRACE && event.newValue === null && state.status === "in") end(false);
  });
  if (localStorage.getItem(TRACE) === null) return end(false);
  await refresh();
  if (state.status === "unknown") end(false);
}

/** Raises `ApiProblem` or `Unreachable`. */
export async function logIn(email: string, password: string, subdomain: string): Promise<void> {
  begin(await post("/api/login", { email, password, tenant_subdomain: subdomain }));
}

/** Make an organisation and be logged in as its first admin. Raises `ApiProblem` or `Unreachable`. */
export async function signUp(organisation: {
  organization_name: string;
  subdomain: string;
  admin_email: string;
  password: string;
  name: string;
}): Promise<void> {
  begin(await post("/api/signup", organisation));
}

/** End the session here and on the server. Here it ends even when the server is away. */
export async function logOut(): Promise<void> {
  try {
    await authorised("/api/logout", { method: "POST", headers: COOKIE_SESSION });
  } catch {
    // it is over in this browser, whatever the server heard of it
  }
  sessionStorage.clear();
  end(false);
}

/** `fetch` with the caller's access token: a new one is fetched before the old one is stale.
 *
 * Raises `Unreachable` when nothing answers. A session that is over becomes the state `out`, and the 401 is returned.
 * `by` sends the request in the place of `fetch`.
 */
export async function authorised(input: Request | string, init?: RequestInit, by?: Sender): Promise<Response> {
  if (state.status === "in" && Date.now() >= staleAt) await refresh();
  const request = new Request(typeof input === "string" ? new URL(input, window.location.origin) : input, init);
  const again = request.clone();
  const response = await send(request, by);
  if (response.status !== 401 || state.status !== "in") return response;
  if (await refresh()) return send(again, by);
  return response;
}

/** A token for one WebSocket or event source, good for a minute. Raises `ApiProblem` or `Unreachable`. */
export async function ticket(): Promise<string> {
  const response = await authorised("/api/ticket", { method: "POST" });
  if (!response.ok) throw await problemOf(response);
  return ((await response.json()) as { ticket: string }).ticket;
}

async function send(request: Request, by: Sender = fetch): Promise<Response> {
  if (accessToken !== null) request.headers.set("Authorization", `Bearer ${accessToken}`);
  return reach(() => by(request));
}

async function reach(ask: () => Promise<Response>): Promise<Response> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(error);
  }
}

async function post(path: string, body: unknown): Promise<LoginResponse> {
  // `keepalive`: a reload must not lose the answer, whose cookie is the only good one from now on.
  const init = { method: "POST", headers: COOKIE_SESSION, body: JSON.stringify(body), keepalive: true };
  const response = await reach(() => fetch(path, init));
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as LoginResponse;
}

/** Whether there is a fresh access token now. One at a time, over all tabs: a refresh token works once. */
function refresh(): Promise<boolean> {
  refreshing ??= locked(exchange).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exchange(): Promise<boolean> {
  try {
    begin(await post("/api/token/refresh", { refresh_token: "" }));
    return true;
  } catch (error) {
    if (error instanceof ApiProblem && error.status < 500 && error.status !== 429) end(state.status === "in");
    return false;
  }
}

async function locked<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks === undefined ? work() : navigator.locks.request("aura.session", work);
}

function begin(login: LoginResponse): void {
  if (state.status === "in" && state.identity.userId !== login.user_id) {
    window.location.assign("/"); // somebody else logged in, in another tab: nothing on this page is theirs
    return;
  }
  accessToken = login.access_token;
  staleAt = Date.now() + (login.expires_in - EARLY_SECONDS) * 1000;
  localStorage.setItem(TRACE, "1");
  if (sessionStorage.getItem(OWNER) !== login.user_id) sessionStorage.clear();
  sessionStorage.setItem(OWNER, login.user_id);
  const role = login.role as Role;
  const identity = { userId: login.user_id, tenantId: login.tenant_id, organization: login.organization, role };
  if (state.status !== "in" || state.identity.organization !== identity.organization || state.identity.role !== role) {
    become({ status: "in", identity });
  }
}

function end(expired: boolean): void {
  accessToken = null;
  localStorage.removeItem(TRACE);
  become({ status: "out", expired });
}

function become(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}
