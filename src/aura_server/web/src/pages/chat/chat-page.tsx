import { useTranslation } from "react-i18next";
import { Page } from "@/shell/page";

export function Component() {
  const { t } = useTranslation();
  return <Page title={t("newChat")}>{null}</Page>;
}
