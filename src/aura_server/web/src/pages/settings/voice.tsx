import { useQuery } from "@tanstack/react-query";
import { Volume2 } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { PartResponse, VoiceResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Failure, Skeleton, Status } from "@/components/feedback";
import { Select } from "@/components/field";
import { Facts, Panel, Row, Stack } from "@/components/panel";
import { decimal } from "@/i18n/formats";
import {
  chooseVoice,
  FASTEST,
  SLOWEST,
  toSpeaker,
  useVoiceChoices,
  utteranceOf,
  voiceChoices,
} from "@/session/voice-choices";
import { Devices } from "./devices";
import styles from "./settings.module.css";

type Voice = Omit<VoiceResponse, "provider">;

/** How one is spoken to and heard in this browser. */
export function VoicePart() {
  const { t } = useTranslation("settings");
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["voice", "parts"],
    queryFn: () => dataOf(api.GET("/voice/status")),
  });
  return (
    <>
      <Panel title={t("parts.voice")} hint={t("voiceHint")}>
        {isPending && <Skeleton lines={4} />}
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {data && (
          <Stack>
            <Facts
              facts={[
                [t("hears"), <Part key="stt" part={data.stt} />],
                [t("speaks"), <Part key="tts" part={data.tts} />],
              ]}
            />
            <Speaking serverSpeaks={data.tts.available} />
          </Stack>
        )}
      </Panel>
      <Devices />
    </>
  );
}

function Part({ part }: { readonly part: PartResponse }) {
  const { t } = useTranslation("settings");
  const browser = !part.available && part.provider === "browser";
  return (
    <span className={styles.part}>
      <Status tone={part.available || browser ? "ok" : "warn"}>
        {part.available ? t("byServer", { provider: part.provider }) : t(browser ? "byBrowser" : "byNobody")}
      </Status>
      {part.reason && <span className={styles.quiet}>{part.reason}</span>}
    </span>
  );
}

function Speaking({ serverSpeaks }: { readonly serverSpeaks: boolean }) {
  const { t, i18n } = useTranslation("settings");
  const choices = useVoiceChoices();
  const here = useBrowserVoices();
  const there = useQuery({
    queryKey: ["voice", "voices"],
    queryFn: () => dataOf(api.GET("/voice/voices")),
    enabled: serverSpeaks,
  });
  const say = useChange(() => (serverSpeaks ? spoken(t("sample")) : Promise.resolve(said(t("sample"), i18n.language))));
  const voices: readonly Voice[] = serverSpeaks ? (there.data?.voices ?? []) : here;
  const chosen = serverSpeaks ? choices.voice : choices.browserVoice;
  return (
    <Stack>
      {there.error && <Failure error={there.error} onRetry={() => void there.refetch()} />}
      <Row>
        <Select
          label={t("voice")}
          value={voices.some((each) => each.voice_id === chosen) && chosen !== null ? chosen : ""}
          onChange={(event) => chooseVoice({ [serverSpeaks ? "voice" : "browserVoice"]: event.target.value || null })}
        >
          <option value="">{t("usualVoice")}</option>
          {voices.map((each) => (
            <option key={each.voice_id} value={each.voice_id}>
              {each.language ? `${each.name} (${each.language})` : each.name}
            </option>
          ))}
        </Select>
        <Speed value={choices.speed} />
        <Button busy={say.isPending && t("saying")} onClick={() => say.mutate(undefined)}>
          <Volume2 size={18} aria-hidden />
          {t("hearIt")}
        </Button>
      </Row>
    </Stack>
  );
}

function Speed({ value }: { readonly value: number }) {
  const { t } = useTranslation("settings");
  const id = useId();
  const said = t("timesAsFast", { factor: decimal(value) });
  return (
    <div className={styles.scale}>
      <label htmlFor={id}>
        {t("speed")} <span className={styles.quiet}>{said}</span>
      </label>
      <input
        id={id}
        type="range"
        min={SLOWEST}
        max={FASTEST}
        step={0.1}
        value={value}
        aria-valuetext={said}
        onChange={(event) => chooseVoice({ speed: Number(event.target.value) })}
      />
    </div>
  );
}

/** Have the server say it. */
async function spoken(text: string): Promise<void> {
  const { voice, speed } = voiceChoices();
  const { audio, content_type } = await dataOf(
    api.POST("/voice/synthesize", {
      body: { text, speed, ...(voice === null ? {} : { voice_id: voice }) },
      bodySerializer: (form) => new URLSearchParams(Object.entries(form).map(([name, each]) => [name, String(each)])),
    }),
  );
  const player = new Audio(`data:${content_type};base64,${audio}`);
  await toSpeaker(player);
  await player.play();
}

/** Have the browser say it. */
function said(text: string, language: string): void {
  if (!("speechSynthesis" in window)) return;
  window.speechSynthesis.cancel();
  window.speechSynthesis.speak(utteranceOf(text, language));
}

/** The voices of this browser, which finds some of them late. */
function useBrowserVoices(): readonly Voice[] {
  const [voices, setVoices] = useState<readonly Voice[]>([]);
  useEffect(() => {
    const speech = window.speechSynthesis as SpeechSynthesis | undefined;
    const look = () =>
      setVoices(
        (speech?.getVoices() ?? []).map(({ voiceURI, name, lang }) => ({ voice_id: voiceURI, name, language: lang })),
      );
    look();
    speech?.addEventListener?.("voiceschanged", look);
    return () => speech?.removeEventListener?.("voiceschanged", look);
  }, []);
  return voices;
}
