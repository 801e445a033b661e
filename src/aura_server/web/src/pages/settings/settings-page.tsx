import { useTranslation } from "react-i18next";
import { Route, Routes } from "react-router";
import { Sections } from "@/components/sections";
import { NothingHere } from "@/shell/no-such-page";
import { Page } from "@/shell/page";
import { Account } from "./account";
import { Appearance } from "./appearance";
import { Keys } from "./keys";
import { MemoryPart } from "./memory";
import { PersonaPart } from "./persona";
import { VoicePart } from "./voice";

const PARTS = ["persona", "memory", "voice", "appearance", "keys", "account"] as const;

/** What a member decides about themselves. */
export function Component() {
  const { t } = useTranslation("settings");
  return (
    <Page title={t("title")}>
      <Sections
        label={t("title")}
        sections={PARTS.map((part) => ({ to: `/settings/${part}`, word: t(`parts.${part}`) }))}
      />
      <Routes>
        <Route path="persona" element={<PersonaPart />} />
        <Route path="memory" element={<MemoryPart />} />
        <Route path="voice" element={<VoicePart />} />
        <Route path="appearance" element={<Appearance />} />
        <Route path="keys" element={<Keys />} />
        <Route path="account" element={<Account />} />
        <Route path="*" element={<NothingHere />} />
      </Routes>
    </Page>
  );
}
