import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { PersonaChanges, PersonaResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Failure, Skeleton } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { Panel, Row, Stack } from "@/components/panel";
import { toast } from "@/components/toasts";
import { Learned } from "./learned";
import { persona } from "./persona-data";
import { Preview } from "./preview";
import { Scale } from "./scale";
import styles from "./settings.module.css";

const SCALES = ["formality", "detail", "energy"] as const;
const LANGUAGES = ["auto", "en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da", "cs", "tr", "uk", "ja", "zh"];
const EMOJI = ["auto", "none", "some"] as const;

/** How answers are said: chosen here, or learned. */
export function PersonaPart() {
  const { t } = useTranslation("settings");
  const { data, error, isPending, refetch } = useQuery(persona);
  return (
    <>
      <Panel title={t("parts.persona")} hint={t("personaHint")}>
        {isPending && <Skeleton lines={8} />}
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {data && <Choosing persona={data} />}
      </Panel>
      {data && <Learned persona={data} />}
    </>
  );
}

function Choosing({ persona: kept }: { readonly persona: PersonaResponse }) {
  const { t } = useTranslation("settings");
  const [changes, setChanges] = useState<PersonaChanges>({});
  const save = useChange((body: PersonaChanges) => dataOf(api.PUT("/persona/", { body })), {
    reads: [persona.queryKey],
    onDone: () => {
      setChanges({});
      toast(t("common:saved"));
    },
  });
  const change = (some: PersonaChanges) => setChanges((before) => ({ ...before, ...some }));
  const locked = (axis: string) => (axis in changes ? true : kept.locked.some((each) => each === axis));
  const open = (axis: string) => (locked(axis) ? () => save.mutate({ [axis]: null }) : undefined);
  const changed = Object.keys(changes).length > 0;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (changed && !save.isPending) save.mutate(changes);
  };
  return (
    <div className={styles.halves}>
      <form onSubmit={onSubmit}>
        <Stack>
          {SCALES.map((axis) => (
            <Scale
              key={axis}
              axis={axis}
              value={changes[axis] ?? kept[axis]}
              locked={locked(axis)}
              onChange={(value) => change({ [axis]: value })}
              onOpen={open(axis)}
            />
          ))}
          <Select
            label={t("answerLanguage")}
            value={changes.language ?? kept.language}
            onChange={(event) => change({ language: event.target.value })}
          >
            {[...new Set([...LANGUAGES, kept.language])].map((code) => (
              <option key={code} value={code}>
                <LanguageName code={code} />
              </option>
            ))}
          </Select>
          <TextField
            label={t("form")}
            hint={t("formHint")}
            maxLength={40}
            value={changes.address ?? kept.address}
            onChange={(event) => change({ address: event.target.value })}
          />
          <Select
            label={t("emoji")}
            value={changes.emoji ?? kept.emoji}
            onChange={(event) => change({ emoji: event.target.value })}
          >
            {EMOJI.map((each) => (
              <option key={each} value={each}>
                {t(`emojis.${each}`)}
              </option>
            ))}
          </Select>
          <Row>
            <Button type="submit" look="primary" disabled={!changed} busy={save.isPending && t("saving")}>
              {t("common:save")}
            </Button>
            <Button disabled={!changed} onClick={() => setChanges({})}>
              {t("undo")}
            </Button>
          </Row>
        </Stack>
      </form>
      <Preview changes={changes} />
    </div>
  );
}

function LanguageName({ code }: { readonly code: string }) {
  const { t, i18n } = useTranslation("settings");
  if (code === "auto") return t("asTheQuestion");
  return new Intl.DisplayNames([i18n.language], { type: "language" }).of(code) ?? code;
}
