import { useTranslation } from "react-i18next";
import { Segments } from "@/components/field";
import { Panel, Stack } from "@/components/panel";
import { chooseLanguage, LANGUAGES, type Language } from "@/i18n";
import { type MotionChoice, type ThemeChoice, useAppearance } from "@/theme/theme";

/** How the pages look in this browser. */
export function Appearance() {
  const { t, i18n } = useTranslation("settings");
  const { theme, motion, choose } = useAppearance();
  return (
    <Panel title={t("parts.appearance")} hint={t("appearanceHint")}>
      <Stack>
        <Segments<ThemeChoice>
          label={t("theme")}
          value={theme}
          options={[
            ["system", t("themes.system")],
            ["light", t("themes.light")],
            ["dark", t("themes.dark")],
          ]}
          onChange={(chosen) => choose({ theme: chosen })}
        />
        <Segments<Language>
          label={t("language")}
          value={i18n.language as Language}
          options={Object.entries(LANGUAGES) as [Language, string][]}
          onChange={(language) => void chooseLanguage(language)}
        />
        <Segments<MotionChoice>
          label={t("motion")}
          value={motion}
          options={[
            ["system", t("motions.system")],
            ["none", t("motions.none")],
          ]}
          onChange={(chosen) => choose({ motion: chosen })}
        />
      </Stack>
    </Panel>
  );
}
