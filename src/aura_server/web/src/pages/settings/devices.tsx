import { Mic, Square } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import { Notice } from "@/components/feedback";
import { Select } from "@/components/field";
import { Panel, Row, Stack } from "@/components/panel";
import { MicrophoneError, type NoMicrophone, openMicrophone } from "@/pages/chat/voice/audio";
import { chooseVoice, useVoiceChoices } from "@/session/voice-choices";
import styles from "./settings.module.css";

const LOUD = 6;

/** Which microphone is listened to and which loudspeaker speaks, and whether the microphone hears. */
export function Devices() {
  const { t } = useTranslation("settings");
  const { microphone, speaker } = useVoiceChoices();
  const { devices, look } = useDevices();
  const [testing, setTesting] = useState(false);
  const [refused, setRefused] = useState<NoMicrophone | null>(null);
  const of = (kind: MediaDeviceKind) => devices.filter((each) => each.kind === kind && each.label !== "");
  const begin = () => {
    setRefused(null);
    setTesting(true);
  };
  return (
    <Panel title={t("devices")} hint={t("devicesHint")}>
      <Stack>
        <Row>
          <DeviceSelect
            label={t("voice:microphone")}
            devices={of("audioinput")}
            value={microphone}
            onChange={(id) => chooseVoice({ microphone: id })}
          />
          {"setSinkId" in HTMLMediaElement.prototype && (
            <DeviceSelect
              label={t("speaker")}
              devices={of("audiooutput")}
              value={speaker}
              onChange={(id) => chooseVoice({ speaker: id })}
            />
          )}
          <Button onClick={testing ? () => setTesting(false) : begin}>
            {testing ? <Square size={16} aria-hidden /> : <Mic size={18} aria-hidden />}
            {t(testing ? "endTest" : "testMicrophone")}
          </Button>
        </Row>
        {of("audioinput").length === 0 && <p className={styles.quiet}>{t("namesLater")}</p>}
        {testing && (
          <Hearing
            key={microphone}
            microphone={microphone}
            onOpen={look}
            onFailed={(reason) => {
              setRefused(reason);
              setTesting(false);
            }}
          />
        )}
        {refused && <Notice tone="bad">{t(`voice:no.${refused}`)}</Notice>}
      </Stack>
    </Panel>
  );
}

interface DeviceSelectProps {
  readonly label: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly value: string | null;
  readonly onChange: (id: string | null) => void;
}

function DeviceSelect({ label, devices, value, onChange }: DeviceSelectProps) {
  const { t } = useTranslation("settings");
  const known = devices.some((each) => each.deviceId === value);
  return (
    <Select
      label={label}
      value={known && value !== null ? value : ""}
      onChange={(event) => onChange(event.target.value || null)}
    >
      <option value="">{t("usualDevice")}</option>
      {devices.map((each) => (
        <option key={each.deviceId} value={each.deviceId}>
          {each.label}
        </option>
      ))}
    </Select>
  );
}

/** How loud the microphone is, while it is tried. Nothing of it is kept or sent. */
function Hearing({
  microphone,
  onOpen,
  onFailed,
}: {
  readonly microphone: string | null;
  readonly onOpen: () => void;
  readonly onFailed: (reason: NoMicrophone) => void;
}) {
  const { t } = useTranslation("settings");
  const meter = useRef<HTMLMeterElement>(null);
  const told = useRef({ onOpen, onFailed });
  told.current = { onOpen, onFailed };
  useEffect(() => {
    const listening = listen(microphone, (level) => {
      if (meter.current) meter.current.value = level;
    });
    listening.opened.then(told.current.onOpen, (error: unknown) =>
      told.current.onFailed(error instanceof MicrophoneError ? error.reason : "busy"),
    );
    return listening.end;
  }, [microphone]);
  return (
    <p className={styles.hearing}>
      <span role="status">{t("saySomething")}</span>
      <meter ref={meter} min={0} max={1} value={0} aria-label={t("voice:level")} />
    </p>
  );
}

/** Tells how loud the microphone is with each picture that the browser draws, until `end`. */
function listen(microphone: string | null, onLevel: (level: number) => void) {
  const ending = new AbortController();
  const opened = openMicrophone(microphone).then((stream) => {
    const context = new AudioContext();
    const end = () => {
      for (const track of stream.getTracks()) track.stop();
      void context.close();
    };
    if (ending.signal.aborted) return end();
    ending.signal.addEventListener("abort", end);
    const hearing = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(hearing);
    const samples = new Float32Array(hearing.fftSize);
    const measure = () => {
      if (ending.signal.aborted) return;
      hearing.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      onLevel(Math.min(1, Math.sqrt(power) * LOUD));
      requestAnimationFrame(measure);
    };
    measure();
  });
  return { opened, end: () => ending.abort() };
}

/** What the browser can hear and speak with; it tells names only once a microphone was allowed. */
function useDevices() {
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  const look = useCallback(() => void navigator.mediaDevices?.enumerateDevices().then(setDevices), []);
  useEffect(() => {
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, [look]);
  return { devices, look };
}
