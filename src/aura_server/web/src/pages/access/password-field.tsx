import { Eye, EyeOff } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "@/components/button";
import { Field } from "@/components/field";
import fields from "@/components/field.module.css";
import styles from "./access.module.css";

interface PasswordFieldProps extends ComponentProps<"input"> {
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | null;
}

/** A password, which its typist can look at. */
export function PasswordField({ label, hint, error, ...rest }: PasswordFieldProps) {
  const { t } = useTranslation("access");
  const [seen, setSeen] = useState(false);
  return (
    <Field label={label} hint={hint} error={error}>
      {(wiring) => (
        <div className={styles.password}>
          <input {...rest} {...wiring} className={fields.control} type={seen ? "text" : "password"} />
          <span className={styles.reveal}>
            <IconButton
              label={seen ? t("hidePassword") : t("showPassword")}
              icon={seen ? <EyeOff size={18} /> : <Eye size={18} />}
              onClick={() => setSeen(!seen)}
            />
          </span>
        </div>
      )}
    </Field>
  );
}
