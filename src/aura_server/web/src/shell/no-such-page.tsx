import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";
import { Page } from "./page";

/** That there is nothing at this address, and the way back. */
export function NothingHere() {
  const { t } = useTranslation();
  const back = (
    <Button asChild look="primary">
      <Link to="/">{t("toChat")}</Link>
    </Button>
  );
  return (
    <EmptyState title={t("noPage")} action={back}>
      {t("noPageHint")}
    </EmptyState>
  );
}

/** The same as a page of its own. */
export function NoSuchPage() {
  const { t } = useTranslation();
  return (
    <Page title={t("noPage")}>
      <NothingHere />
    </Page>
  );
}
