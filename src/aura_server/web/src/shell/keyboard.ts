import { useEffect, useRef } from "react";

/** What the keys do, in the order of the list that `?` shows. The words are `keys.<name>` of the namespace `common`. */
export const KEYS = {
  commands: ["/", "Mod+k"],
  send: ["Mod+Enter"],
  stop: ["Escape"],
  editLast: ["ArrowUp"],
  previousCitation: ["["],
  nextCitation: ["]"],
  talk: ["v"],
  newChat: ["g c"],
  documents: ["g d"],
  admin: ["g a"],
  settings: ["g s"],
  help: ["?"],
} as const;

export type KeyName = keyof typeof KEYS;

const SEQUENCE_MS = 1_000;
const mac = /Mac|iP(hone|ad)/.test(navigator.userAgent);

/** Keys as they stand on this reader's keyboard. */
export function shownKeys(keys: string): string {
  return keys
    .replace("Mod+", mac ? "⌘" : "Ctrl ")
    .replace("Enter", "⏎")
    .replace("Escape", "Esc")
    .replace("ArrowUp", "↑");
}

/** Do `act` when the keys of `name` are pressed. Keys without a modifier do nothing while text is typed or a dialog is open. */
export function useKey(name: KeyName, act: () => void, { enabled = true } = {}): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    if (!enabled) return;
    return listen(KEYS[name], () => latest.current());
  }, [name, enabled]);
}

function listen(combinations: readonly string[], act: () => void): () => void {
  let before = { key: "", at: 0 };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const modified = event.metaKey || event.ctrlKey;
    if (document.querySelector("dialog[open]") !== null || (!modified && isTyping(event.target))) return;
    const pressed = `${modified ? "Mod+" : ""}${event.key}`;
    const sequence = event.timeStamp - before.at < SEQUENCE_MS ? `${before.key} ${pressed}` : "";
    before = { key: pressed, at: event.timeStamp };
    if (!combinations.includes(pressed) && !combinations.includes(sequence)) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.role === "menuitem";
}
