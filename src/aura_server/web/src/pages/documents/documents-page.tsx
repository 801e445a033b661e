import { useTranslation } from "react-i18next";
import { Route, Routes } from "react-router";
import { Sections } from "@/components/sections";
import { NothingHere } from "@/shell/no-such-page";
import { Page } from "@/shell/page";
import { Bench } from "./bench";
import { Collections } from "./collections";
import { DocumentView } from "./document-view";
import { Library } from "./library";
import { useLiveDocuments } from "./live";

/** The organisation's documents: what there is, how they are sorted into collections, and what a search finds. */
export function Component() {
  const { t } = useTranslation("documents");
  useLiveDocuments();
  return (
    <Page title={t("title")} wide>
      <Sections
        label={t("title")}
        sections={[
          { to: "/library", word: t("files"), end: true },
          { to: "/library/collections", word: t("collections") },
          { to: "/library/search", word: t("bench") },
        ]}
      />
      <Routes>
        <Route index element={<Library />} />
        <Route path="collections" element={<Collections />} />
        <Route path="search" element={<Bench />} />
        <Route path=":document" element={<DocumentView />} />
        <Route path="*" element={<NothingHere />} />
      </Routes>
    </Page>
  );
}
