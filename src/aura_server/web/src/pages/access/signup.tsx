import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Button } from "@/components/button";
import { Notice } from "@/components/feedback";
import { TextField } from "@/components/field";
import { signUp } from "@/session/session";
import styles from "./access.module.css";
import { AccessFrame } from "./frame";
import { PasswordField } from "./password-field";
import { rememberOrganisation } from "./tenant-address";
import { useSubmit } from "./use-submit";

const EMPTY = { organization_name: "", subdomain: "", admin_email: "", password: "", name: "" };

/** Make an organisation with its first admin, who is logged in by it. */
export function Component() {
  const { t } = useTranslation("access");
  const [values, setValues] = useState(EMPTY);
  const [named, setNamed] = useState(false);
  const { busy, submit, of, failure } = useSubmit(async () => {
    await signUp(values);
    rememberOrganisation(values.subdomain);
  });
  const set = (changes: Partial<typeof EMPTY>) => setValues((before) => ({ ...before, ...changes }));
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) void submit(undefined);
  };
  return (
    <AccessFrame title={t("signUpTitle")}>
      <form className={styles.form} onSubmit={onSubmit}>
        {failure && <Notice tone="bad">{failure}</Notice>}
        <TextField
          label={t("organisationName")}
          error={of("organization_name")}
          autoComplete="organization"
          required
          value={values.organization_name}
          onChange={(event) => {
            const organization_name = event.target.value;
            set(named ? { organization_name } : { organization_name, subdomain: addressOf(organization_name) });
          }}
        />
        <TextField
          label={t("address")}
          hint={t("addressHint")}
          error={of("subdomain")}
          autoCapitalize="none"
          spellCheck={false}
          required
          value={values.subdomain}
          onChange={(event) => {
            setNamed(true);
            set({ subdomain: event.target.value });
          }}
        />
        <TextField
          label={t("name")}
          error={of("name")}
          autoComplete="name"
          value={values.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <TextField
          label={t("email")}
          error={of("admin_email")}
          type="email"
          autoComplete="username"
          required
          value={values.admin_email}
          onChange={(event) => set({ admin_email: event.target.value })}
        />
        <PasswordField
          label={t("password")}
          hint={t("passwordHint")}
          error={of("password")}
          autoComplete="new-password"
          required
          value={values.password}
          onChange={(event) => set({ password: event.target.value })}
        />
        <Button type="submit" look="primary" busy={busy && t("signingUp")}>
          {t("signUp")}
        </Button>
      </form>
      <p>
        {t("haveAccount")} <Link to="/login">{t("logIn")}</Link>
      </p>
    </AccessFrame>
  );
}

/** A sub-domain out of a name: "Müller & Söhne" becomes "muller-sohne". */
export function addressOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
}
