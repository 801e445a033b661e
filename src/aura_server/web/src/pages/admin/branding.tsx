import { ImageUp } from "lucide-react";
import { type ChangeEvent, type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { OrganisationChanges, OrganisationResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { TextField } from "@/components/field";
import { Row, Stack } from "@/components/panel";
import { toast } from "@/components/toasts";
import { logoOf, organisation } from "@/session/branding";
import { parseColour } from "@/theme/contrast";
import { accentFor } from "@/theme/theme";
import styles from "./admin.module.css";
import { logoFrom, NoPicture, PICTURES } from "./picture";

/** What the organisation is called, and how its pages look. */
export function Branding({ of }: { readonly of: OrganisationResponse }) {
  const { t } = useTranslation("admin");
  const save = useChange((body: OrganisationChanges) => dataOf(api.PATCH("/tenant", { body })), {
    reads: [organisation.queryKey],
    onDone: () => toast(t("common:saved")),
  });
  return (
    <Stack>
      <Naming of={of} saving={save.isPending} onSave={save.mutate} />
      <Logo of={of} saving={save.isPending} onSave={save.mutate} />
    </Stack>
  );
}

interface PartProps {
  readonly of: OrganisationResponse;
  readonly saving: boolean;
  readonly onSave: (changes: OrganisationChanges) => void;
}

function Naming({ of, saving, onSave }: PartProps) {
  const { t } = useTranslation("admin");
  const [name, setName] = useState(of.organization_name);
  const [colour, setColour] = useState(of.brand_colors.accent ?? of.brand_colors.primary ?? "");
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (saving) return;
    const { accent: _, ...others } = of.brand_colors;
    onSave({ organization_name: name, brand_colors: colour ? { ...others, accent: colour } : others });
  };
  return (
    <form onSubmit={onSubmit}>
      <Row>
        <TextField label={t("name")} required value={name} onChange={(event) => setName(event.target.value)} />
        <TextField
          label={t("colour")}
          placeholder="#2a5c4f"
          pattern="#[0-9a-fA-F]{6}"
          value={colour}
          onChange={(event) => setColour(event.target.value)}
        />
        <Samples colour={colour} />
        <Button type="submit" look="primary" busy={saving && t("saving")}>
          {t("common:save")}
        </Button>
      </Row>
      <p className={styles.hint}>{t("colourHint")}</p>
    </form>
  );
}

const THEMES = ["light", "dark"] as const;
const PAPER = { light: "#fbfaf7", dark: "#171614" } as const;

/** The colour as it will be on either theme, once it was moved until it can be read. */
function Samples({ colour }: { readonly colour: string }) {
  const { t } = useTranslation("admin");
  if (parseColour(colour) === null) return null;
  return (
    <div className={styles.samples}>
      {THEMES.map((theme) => {
        const shown = accentFor(colour, theme);
        if (shown === null) return null;
        const label = t(`colourOn.${theme}`, { colour: shown.accent });
        return (
          <svg key={theme} viewBox="0 0 72 32" role="img" aria-label={label}>
            <title>{label}</title>
            <rect width="72" height="32" rx="6" fill={PAPER[theme]} />
            <rect x="6" y="6" width="34" height="20" rx="4" fill={shown.accent} />
            <text x="23" y="20" textAnchor="middle" fill={shown.ink}>
              Aa
            </text>
            <text x="55" y="20" textAnchor="middle" fill={shown.accent}>
              Aa
            </text>
          </svg>
        );
      })}
    </div>
  );
}

function Logo({ of, saving, onSave }: PartProps) {
  const { t } = useTranslation("admin");
  const input = useRef<HTMLInputElement>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const logo = logoOf(of.custom_logo);
  const onChosen = async (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    event.target.value = ""; // the same file can be chosen again
    if (file === undefined) return;
    try {
      onSave({ custom_logo: await logoFrom(file) });
      setFailure(null);
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error;
      setFailure(t(`noPicture.${error.reason}`, { name: file.name }));
    }
  };
  return (
    <section className={styles.logo} aria-label={t("logo")}>
      <h3>{t("logo")}</h3>
      <Row>
        {logo !== null && <img src={logo} alt={t("logoNow")} />}
        <Button busy={saving && t("saving")} onClick={() => input.current?.click()}>
          <ImageUp size={18} aria-hidden />
          {t(logo === null ? "addLogo" : "changeLogo")}
        </Button>
        {logo !== null && <Button onClick={() => onSave({ custom_logo: null })}>{t("removeLogo")}</Button>}
      </Row>
      <p className={styles.hint}>{t("logoHint")}</p>
      {failure && (
        <p className={styles.failure} role="alert">
          {failure}
        </p>
      )}
      <input
        ref={input}
        type="file"
        hidden
        accept={PICTURES.join(",")}
        aria-label={t("logo")}
        onChange={(event) => void onChosen(event)}
      />
    </section>
  );
}
