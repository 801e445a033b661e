import { useTranslation } from "react-i18next";
import { isRouteErrorResponse, Link, useRouteError } from "react-router";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";

/** What is shown instead of a page that broke, or that there is not. */
export function ErrorPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  const missing = isRouteErrorResponse(error) && error.status === 404;
  const action = missing ? (
    <Button asChild look="primary">
      <Link to="/">{t("toChat")}</Link>
    </Button>
  ) : (
    <Button look="primary" onClick={() => window.location.reload()}>
      {t("reload")}
    </Button>
  );
  return (
    <main>
      <EmptyState title={missing ? t("noPage") : t("pageBroke")} action={action}>
        {missing ? t("noPageHint") : t("pageBrokeHint")}
      </EmptyState>
    </main>
  );
}
