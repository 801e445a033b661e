import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Facts, Panel } from "@/components/panel";
import { PasswordForm } from "@/pages/access/password-form";
import { organisation } from "@/session/branding";
import { useIdentity } from "@/session/use-session";

/** Who is logged in, and the password. */
export function Account() {
  const { t } = useTranslation("settings");
  const { organization, role } = useIdentity();
  const { data } = useQuery(organisation);
  return (
    <>
      <Panel title={t("you")}>
        <Facts
          facts={[
            [t("organisation"), organization],
            [t("address"), data?.subdomain ?? "–"],
            [t("role"), t(`roles.${role}`)],
          ]}
        />
      </Panel>
      <Panel title={t("access:changePassword")}>
        <PasswordForm />
      </Panel>
    </>
  );
}
