import { useSyncExternalStore } from "react";
import { inkOn, parseColour, readableOn, written } from "./contrast";

export type ThemeChoice = "system" | "light" | "dark";
export type MotionChoice = "system" | "none";

interface Appearance {
  readonly theme: ThemeChoice;
  readonly motion: MotionChoice;
}

const KEY = "aura.appearance";
const PAPER = { light: "#fbfaf7", dark: "#171614" } as const;
const dark = () => window.matchMedia("(prefers-color-scheme: dark)");

let appearance: Appearance = read();
let accent: string | null = null;
const listeners = new Set<() => void>();

/** Put what the reader chose on the document, and follow the system where nothing was chosen. Call it once. */
export function startTheme(): void {
  apply();
  dark().addEventListener("change", apply);
}

/** What the reader chose, and how to choose otherwise. */
export function useAppearance(): Appearance & { choose: (changes: Partial<Appearance>) => void } {
  const current = useSyncExternalStore(subscribe, () => appearance);
  return { ...current, choose };
}

/** Change the theme or the motion; kept in this browser. */
export function choose(changes: Partial<Appearance>): void {
  appearance = { ...appearance, ...changes };
  localStorage.setItem(KEY, JSON.stringify(appearance));
  apply();
  for (const listener of listeners) listener();
}

/** Use an organisation's colour, moved until it is readable on both themes; null for our own. */
export function brandWith(colour: string | null): void {
  accent = colour;
  apply();
}

/** The accent and the ink on it for one theme, or null where `colour` is no colour that we can read. */
export function accentFor(colour: string, theme: "light" | "dark"): { accent: string; ink: string } | null {
  const parsed = parseColour(colour);
  const paper = parseColour(PAPER[theme]);
  if (parsed === null || paper === null) return null;
  const readable = readableOn(parsed, paper);
  return { accent: written(readable), ink: written(inkOn(readable)) };
}

function apply(): void {
  const root = document.documentElement;
  set(root, "theme", appearance.theme === "system" ? null : appearance.theme);
  set(root, "motion", appearance.motion === "none" ? "none" : null);
  const shown = appearance.theme === "system" ? (dark().matches ? "dark" : "light") : appearance.theme;
  const branded = accent === null ? null : accentFor(accent, shown);
  for (const [name, value] of [
    ["--accent", branded?.accent],
    ["--accent-ink", branded?.ink],
  ] as const) {
    // biome-ignore format: a pair
    if (value === undefined) root.style.removeProperty(name);
    else root.style.setProperty(name, value);
  }
}

function set(root: HTMLElement, name: string, value: string | null): void {
  if (value === null) delete root.dataset[name];
  else root.dataset[name] = value;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function read(): Appearance {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Appearance>;
    return {
      theme: kept.theme === "light" || kept.theme === "dark" ? kept.theme : "system",
      motion: kept.motion === "none" ? "none" : "system",
    };
  } catch {
    return { theme: "system", motion: "system" };
  }
}
