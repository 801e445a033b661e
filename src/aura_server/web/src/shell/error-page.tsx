import { useTranslation } from "react-i18next";
import { isRouteErrorResponse, useRouteError } from "react-router";
import { Button } from "@/components/button";
import { EmptyState } from "@/components/feedback";
import { NothingHere } from "./no-such-page";

/** What is shown instead of a page that broke, or that there is not. */
export function ErrorPage() {
  const { t } = useTranslation();
  const error = useRouteError();
  const missing = isRouteErrorResponse(error) && error.status === 404;
  const again = (
    <Button look="primary" onClick={() => window.location.reload()}>
      {t("reload")}
    </Button>
  );
  return (
    <main>
      {missing ? (
        <NothingHere />
      ) : (
        <EmptyState title={t("pageBroke")} action={again}>
          {t("pageBrokeHint")}
        </EmptyState>
      )}
    </main>
  );
}
