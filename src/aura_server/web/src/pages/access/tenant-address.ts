const KEY = "aura.organisation";

/** The first label of a host with at least three of them, which may be an organisation's own address; else null. */
export function ownAddress(host: string): string | null {
  const labels = host.split(".");
  if (/^[\d.]+$/.test(host) || host.includes(":")) return null;
  const local = labels.at(-1) === "localhost";
  return labels.length > (local ? 1 : 2) ? (labels[0] ?? null) : null;
}

/** The organisation that was last logged in to in this browser; an empty text where there was none. */
export const rememberedOrganisation = (): string => localStorage.getItem(KEY) ?? "";

/** Offer `subdomain` at the next login. */
export const rememberOrganisation = (subdomain: string): void => localStorage.setItem(KEY, subdomain);
