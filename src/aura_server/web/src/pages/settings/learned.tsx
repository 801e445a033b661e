import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import type { LearnedResponse, PersonaResponse, SignalResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { Progress } from "@/components/feedback";
import { Panel, Stack } from "@/components/panel";
import { toast } from "@/components/toasts";
import { moment, score, share } from "@/i18n/formats";
import { persona } from "./persona-data";
import styles from "./settings.module.css";

interface Finding {
  readonly channel: string;
  readonly axis: string;
  readonly learned: LearnedResponse;
}

/** What was learned of how to answer, from which messages; each piece can be forgotten. */
export function Learned({ persona: kept }: { readonly persona: PersonaResponse }) {
  const { t } = useTranslation("settings");
  const forget = useChange(
    (query: { axis?: string; channel?: string }) => dataOf(api.DELETE("/persona/learned", { params: { query } })),
    { reads: [persona.queryKey], onDone: () => toast(t("forgotten")) },
  );
  const found = findings(kept);
  const all = found.length > 0 && (
    <Button busy={forget.isPending && t("forgetting")} onClick={() => forget.mutate({})}>
      {t("forgetAll")}
    </Button>
  );
  return (
    <Panel title={t("learned")} hint={t("learnedHint")} actions={all}>
      {found.length === 0 && <p className={styles.quiet}>{t("nothingLearned")}</p>}
      <Stack>
        {found.map(({ channel, axis, learned }) => (
          <section key={`${channel} ${axis}`} className={styles.finding}>
            <div className={styles.scaleHead}>
              <h3>
                {t(`axes.${axis}`, { defaultValue: axis })} · {t(`channels.${channel}`, { defaultValue: channel })}
              </h3>
              <Button
                small
                aria-label={t("forgetOf", { axis: t(`axes.${axis}`, { defaultValue: axis }) })}
                onClick={() => forget.mutate({ axis, channel })}
              >
                {t("forget")}
              </Button>
            </div>
            <p>
              {t("learnedValue", {
                value: typeof learned.value === "number" ? score(learned.value) : learned.value,
                confidence: share(learned.confidence),
              })}
            </p>
            <Progress label={t("confidence")} value={learned.confidence} />
            <details>
              <summary>{t("why", { count: learned.evidence.length })}</summary>
              <ul className={styles.evidence}>
                {learned.evidence.map((signal) => (
                  <li key={`${signal.at} ${signal.kind} ${signal.message_id}`}>
                    <Signal signal={signal} />
                  </li>
                ))}
              </ul>
            </details>
          </section>
        ))}
      </Stack>
    </Panel>
  );
}

function Signal({ signal }: { readonly signal: SignalResponse }) {
  const { t } = useTranslation("settings");
  return (
    <>
      {t(`signals.${signal.kind}`)} → {t(`towards.${signal.towards}`, { defaultValue: signal.towards })}{" "}
      <span className={styles.quiet}>{moment(signal.at)}</span>
    </>
  );
}

function findings(kept: PersonaResponse): readonly Finding[] {
  return Object.entries(kept.learned).flatMap(([channel, axes]) =>
    Object.entries(axes ?? {}).map(([axis, learned]) => ({ channel, axis, learned: learned as LearnedResponse })),
  );
}
