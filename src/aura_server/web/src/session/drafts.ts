import { useCallback, useState } from "react";

/** Text that a reload, an error or an expired session does not lose. It is kept in this tab alone. */
export function useDraft(name: string): [string, (text: string) => void] {
  const key = `aura.draft.${name}`;
  const [shown, show] = useState({ key, text: sessionStorage.getItem(key) ?? "" });
  if (shown.key !== key) show({ key, text: sessionStorage.getItem(key) ?? "" });
  const keep = useCallback(
    (text: string) => {
      if (text === "") sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
      show({ key, text });
    },
    [key],
  );
  return [shown.key === key ? shown.text : "", keep];
}

/** What was typed in one place goes on in another. */
export function moveDraft(from: string, to: string): void {
  const text = sessionStorage.getItem(`aura.draft.${from}`);
  if (text === null) return;
  sessionStorage.removeItem(`aura.draft.${from}`);
  sessionStorage.setItem(`aura.draft.${to}`, text);
}
