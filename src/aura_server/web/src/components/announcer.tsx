import { useSyncExternalStore } from "react";

let said = { polite: "", assertive: "" };
const listeners = new Set<() => void>();

/** Say `text` to assistive technology, without showing it. The same words twice in a row are said twice. */
export function announce(text: string, urgency: "polite" | "assertive" = "polite"): void {
  const before = said[urgency];
  said = { ...said, [urgency]: before === text ? `${text}\u00a0` : text };
  for (const listener of listeners) listener();
}

/** The live regions that `announce` speaks through. One for the page. */
export function Announcer() {
  const { polite, assertive } = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => said,
  );
  return (
    <>
      <div aria-live="polite" className="visually-hidden">
        {polite}
      </div>
      <div aria-live="assertive" className="visually-hidden">
        {assertive}
      </div>
    </>
  );
}
