import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useSearchParams } from "react-router";
import { Button } from "@/components/button";
import { Notice } from "@/components/feedback";
import { TextField } from "@/components/field";
import { logIn } from "@/session/session";
import styles from "./access.module.css";
import { AccessFrame } from "./frame";
import { PasswordField } from "./password-field";
import { ownAddress, rememberedOrganisation, rememberOrganisation } from "./tenant-address";
import { useSubmit } from "./use-submit";

/** Log in: to the organisation that the address names, or that is named in the first field. */
export function Component() {
  const { t } = useTranslation("access");
  const location = useLocation();
  const [query] = useSearchParams();
  const named = ownAddress(window.location.hostname);
  const [subdomain, setSubdomain] = useState(query.get("organisation") ?? rememberedOrganisation());
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { busy, submit, of, failure } = useSubmit(async () => {
    const organisation = subdomain.trim().toLowerCase();
    await logIn(email.trim(), password, organisation);
    rememberOrganisation(organisation);
  });
  const expired = (location.state as { expired?: boolean } | null)?.expired === true;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) void submit(undefined);
  };
  return (
    <AccessFrame title={t("logInTitle")}>
      <form className={styles.form} onSubmit={onSubmit}>
        {expired && <Notice>{t("expired")}</Notice>}
        {failure && <Notice tone="bad">{failure}</Notice>}
        <TextField
          label={t("organisation")}
          hint={t("organisationHint")}
          error={of("tenant_subdomain")}
          name="organisation"
          autoComplete="organization"
          autoCapitalize="none"
          spellCheck={false}
          required={!named}
          placeholder={named ?? undefined}
          value={subdomain}
          onChange={(event) => setSubdomain(event.target.value)}
        />
        <TextField
          label={t("email")}
          error={of("email")}
          type="email"
          name="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <PasswordField
          label={t("password")}
          error={of("password")}
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button type="submit" look="primary" busy={busy && t("loggingIn")}>
          {t("logIn")}
        </Button>
      </form>
      <p>
        {t("noAccount")} <Link to="/signup">{t("signUpTitle")}</Link>
      </p>
    </AccessFrame>
  );
}
