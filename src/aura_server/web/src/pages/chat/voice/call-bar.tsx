import { useQuery } from "@tanstack/react-query";
import { Ear, Hand, LoaderCircle, Mic, MicOff, PhoneOff, Square, Volume2, WifiOff } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { problemOf } from "@/api/problems";
import type { CitationResponse } from "@/api/schema";
import { announce } from "@/components/announcer";
import { Button, IconButton } from "@/components/button";
import { Notice, useExplained } from "@/components/feedback";
import { authorised } from "@/session/session";
import { usePlace } from "../cite";
import { Call, CallError, type CallState, type CallView, MicrophoneError } from "./call";
import styles from "./call-bar.module.css";

const DEVICE = "aura.microphone";
const ICONS = {
  connecting: LoaderCircle,
  listening: Ear,
  thinking: LoaderCircle,
  speaking: Volume2,
  reconnecting: WifiOff,
} as const;

interface CallBarProps {
  readonly conversation: string | null;
  readonly collection: string | null;
  /** It was begun by the key that is held to talk: nothing is sent without it. */
  readonly held?: boolean;
  /** Show where a caption comes from. */
  readonly onSource: (citation: CitationResponse, citations: readonly CitationResponse[]) => void;
  /** A turn is over, and in the history of this conversation. */
  readonly onTurn: (conversation: string) => void;
  /** The call is over; the conversation that it was in, if anything was said. */
  readonly onEnd: (conversation: string | null) => void;
}

/** The message field while somebody talks: what the assistant does, what it heard, and what it says. */
export default function CallBar({
  conversation: first,
  collection,
  held = false,
  onSource,
  onTurn,
  onEnd,
}: CallBarProps) {
  const { t, i18n } = useTranslation("voice");
  const status = useQuery({ queryKey: ["voice", "status"], queryFn: voiceStatus, staleTime: 60_000, retry: false });
  const [deviceId, setDeviceId] = useState(localStorage.getItem(DEVICE));
  const serverSpeaks = status.data?.tts.available === true;
  const known = status.isSuccess;
  const language = i18n.language;
  const conversation = useRef(first); // it gets its id while one talks, which is no reason to call again
  const call = useMemo(
    () =>
      known
        ? new Call({ conversation: conversation.current, collection, deviceId, serverSpeaks, language, held })
        : null,
    [known, collection, deviceId, serverSpeaks, language, held],
  );
  const end = useRef(onEnd);
  end.current = onEnd;
  const turn = useRef(onTurn);
  turn.current = onTurn;
  useEffect(() => {
    if (call === null) return;
    call.onTurn = (id) => {
      conversation.current = id;
      turn.current(id);
    };
    void call.start();
    return () => call.end();
  }, [call]);
  if (status.error) return <Ended error={status.error} onClose={() => onEnd(null)} />;
  if (call === null) return <p className={styles.bar}>{t("connecting")}</p>;
  return (
    <Talking
      call={call}
      onSource={onSource}
      onEnd={() => end.current(call.talked)}
      onDevice={(id) => {
        localStorage.setItem(DEVICE, id);
        setDeviceId(id);
      }}
    />
  );
}

interface TalkingProps extends Pick<CallBarProps, "onSource"> {
  readonly call: Call;
  readonly onEnd: () => void;
  readonly onDevice: (id: string) => void;
}

function Talking({ call, onSource, onEnd, onDevice }: TalkingProps) {
  const { t } = useTranslation("voice");
  const view = useSyncExternalStore(call.subscribe, () => call.view);
  const { state } = view;
  const last = useRef<CallState | null>(null);
  useEffect(() => {
    if (last.current !== state && state !== "failed") announce(t(state));
    last.current = state;
  }, [state, t]);
  useHoldKey(call, view.holding);
  if (state === "failed" || state === "ended") return <Ended error={view.error} onClose={onEnd} />;
  const Icon = ICONS[state];
  return (
    <section className={styles.bar} aria-label={t("call")}>
      <Captions view={view} onSource={onSource} />
      <div className={styles.row}>
        <span className={styles.state} data-state={state}>
          <Icon size={18} aria-hidden />
          {view.muted && state !== "reconnecting" ? t("muted") : t(state)}
        </span>
        <Level call={call} />
        <Microphones onDevice={onDevice} />
        <IconButton
          label={t("holdToTalk")}
          icon={<Hand size={17} />}
          pressed={view.holding}
          onClick={() => call.hold(!view.holding)}
        />
        {view.holding && (
          <Button
            small
            onPointerDown={() => call.push()}
            onPointerUp={() => call.letGo()}
            onPointerCancel={() => call.letGo()}
          >
            {t("hold")}
          </Button>
        )}
        <IconButton
          label={view.muted ? t("unmute") : t("mute")}
          icon={view.muted ? <MicOff size={17} /> : <Mic size={17} />}
          pressed={view.muted}
          onClick={() => call.mute(!view.muted)}
        />
        <IconButton label={t("interrupt")} keys="Esc" icon={<Square size={15} />} onClick={() => call.interrupt()} />
        <Button
          small
          look="danger"
          onClick={() => {
            call.end();
            onEnd();
          }}
        >
          <PhoneOff size={16} aria-hidden />
          {t("end")}
        </Button>
      </div>
      {view.cutOff && <Notice>{t("cutOff")}</Notice>}
      {view.error instanceof Error && <Notice tone="warn">{view.error.message}</Notice>}
    </section>
  );
}

const MARKER = /\s*\[\d{1,3}\]/g;

interface CaptionsProps extends Pick<CallBarProps, "onSource"> {
  readonly view: CallView;
}

/** What was heard, what is said of the answer so far, and where that comes from. A caption is seen as it is heard. */
function Captions({ view: { heard, caption, citations }, onSource }: CaptionsProps) {
  const { t } = useTranslation("chat");
  const place = usePlace();
  const sources = new Map(citations.map((each) => [`${each.marker} ${each.document_id} ${each.page}`, each]));
  const scroller = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is said now stays in sight
  useLayoutEffect(() => {
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, [heard, caption]);
  return (
    <section ref={scroller} className={styles.captions} aria-label={t("voice:captions")} tabIndex={0}>
      {heard && (
        <p className={styles.heard} dir="auto">
          {heard}
        </p>
      )}
      {caption && <p dir="auto">{caption.replace(MARKER, "")}</p>}
      {sources.size > 0 && (
        <ul className={styles.sources} aria-label={t("sources")}>
          {[...sources].map(([key, citation]) => (
            <li key={key}>
              <button type="button" className={styles.source} onClick={() => onSource(citation, citations)}>
                <span className={styles.number}>{citation.marker}</span>
                {place(citation)}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** How loud the microphone is; drawn past React, ten times and more in a second. */
function Level({ call }: { readonly call: Call }) {
  const { t } = useTranslation("voice");
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    call.onLevel = (level) => {
      if (meter.current) meter.current.value = level;
    };
    return () => {
      call.onLevel = () => undefined;
    };
  }, [call]);
  return <meter ref={meter} className={styles.level} min={0} max={1} value={0} aria-label={t("level")} />;
}

function Microphones({ onDevice }: { readonly onDevice: (id: string) => void }) {
  const { t } = useTranslation("voice");
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  useEffect(() => {
    const look = () =>
      void navigator.mediaDevices
        ?.enumerateDevices()
        .then((all) => setDevices(all.filter((each) => each.kind === "audioinput" && each.label !== "")));
    look();
    const timer = setTimeout(look, 1_500); // names are told once the microphone is open
    return () => clearTimeout(timer);
  }, []);
  if (devices.length < 2) return null;
  return (
    <select
      className={styles.select}
      aria-label={t("microphone")}
      defaultValue={localStorage.getItem(DEVICE) ?? devices[0]?.deviceId}
      onChange={(event) => onDevice(event.target.value)}
    >
      {devices.map((each) => (
        <option key={each.deviceId} value={each.deviceId}>
          {each.label}
        </option>
      ))}
    </select>
  );
}

/** Why there is no call, and what to do. */
function Ended({ error, onClose }: { readonly error: unknown; readonly onClose: () => void }) {
  const { t } = useTranslation("voice");
  const explained = useExplained();
  let said = error === null ? t("ended") : explained(error);
  if (error instanceof MicrophoneError) said = t(`no.${error.reason}`);
  if (error instanceof CallError) said = t("dropped", { reason: error.message });
  if (error instanceof VoiceMissing) said = t("unavailable", { reason: error.message });
  return (
    <div className={styles.bar}>
      <Notice tone={error === null ? "plain" : "bad"} action={<Button onClick={onClose}>{t("write")}</Button>}>
        {said}
      </Notice>
    </div>
  );
}

/** While `v` is held, what is said is sent; Escape interrupts. */
function useHoldKey(call: Call, holding: boolean): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && event.type === "keydown") call.interrupt();
      if (!holding || event.key !== "v" || event.metaKey || event.ctrlKey) return;
      if (event.type === "keydown") call.push();
      else call.letGo();
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("keyup", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("keyup", onKey);
    };
  }, [call, holding]);
}

interface VoiceStatus {
  readonly stt: { readonly available: boolean; readonly reason: string | null };
  readonly tts: { readonly available: boolean };
}

/** The server has no ears; its message is what would give it some. */
class VoiceMissing extends Error {}

async function voiceStatus(): Promise<VoiceStatus> {
  const response = await authorised("/voice/status");
  if (!response.ok) throw new VoiceMissing((await problemOf(response)).message);
  const status = (await response.json()) as VoiceStatus;
  if (!status.stt.available) throw new VoiceMissing(status.stt.reason ?? "");
  return status;
}
