import i18next from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "aura.language";

type Words = Record<string, unknown>;
const english = import.meta.glob<Words>("./en/*.json", { eager: true, import: "default" });
const others = import.meta.glob<Words>("./de/*.json", { import: "default" });

/** `./en/chat.json` is the namespace `chat`. */
function namespaceOf(path: string): string {
  return path.replace(/^.*\/|\.json$/g, "");
}

/** Load the reader's language and be ready to translate. Call it once, before anything is drawn. */
export async function startLanguage(language: Language = preferred()): Promise<void> {
  const words = Object.fromEntries(Object.entries(english).map(([path, each]) => [namespaceOf(path), each]));
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    defaultNS: "common",
    resources: { en: words },
    interpolation: { escapeValue: false }, // React escapes what it shows
    react: { useSuspense: false },
  });
  await speak(language);
}

/** Speak `language` from now on, in this browser. */
export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(KEY, language);
  await speak(language);
}

async function speak(language: Language): Promise<void> {
  if (language === "de") {
    for (const [path, load] of Object.entries(others)) {
      i18next.addResourceBundle("de", namespaceOf(path), await load());
    }
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  document.documentElement.dir = i18next.dir(language);
}

function preferred(): Language {
  const kept = localStorage.getItem(KEY);
  if (kept !== null && kept in LANGUAGES) return kept as Language;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}
