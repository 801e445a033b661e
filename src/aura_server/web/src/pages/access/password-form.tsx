import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { Button } from "@/components/button";
import { Notice } from "@/components/feedback";
import { toast } from "@/components/toasts";
import { logOut } from "@/session/session";
import styles from "./access.module.css";
import { PasswordField } from "./password-field";
import { useSubmit } from "./use-submit";

/** Change one's own password; every session ends with it, this one too. */
export function PasswordForm() {
  const { t } = useTranslation("access");
  const [old_password, setOld] = useState("");
  const [new_password, setNew] = useState("");
  const { busy, submit, of, failure } = useSubmit(async () => {
    await dataOf(api.POST("/api/password", { body: { old_password, new_password } }));
    toast(t("changed"));
    await logOut();
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) void submit(undefined);
  };
  return (
    <form className={styles.form} onSubmit={onSubmit}>
      {failure && <Notice tone="bad">{failure}</Notice>}
      <PasswordField
        label={t("oldPassword")}
        error={of("old_password")}
        autoComplete="current-password"
        required
        value={old_password}
        onChange={(event) => setOld(event.target.value)}
      />
      <PasswordField
        label={t("newPassword")}
        hint={`${t("passwordHint")} ${t("endsSessions")}`}
        error={of("new_password") ?? of("password")}
        autoComplete="new-password"
        required
        value={new_password}
        onChange={(event) => setNew(event.target.value)}
      />
      <div>
        <Button type="submit" look="primary" busy={busy && t("changingPassword")}>
          {t("changePassword")}
        </Button>
      </div>
    </form>
  );
}
