import { Lock } from "lucide-react";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/button";
import styles from "./settings.module.css";

interface ScaleProps {
  readonly axis: "formality" | "detail" | "energy";
  /** From -1 to 1. */
  readonly value: number;
  readonly locked: boolean;
  readonly onChange: (value: number) => void;
  /** Lets the axis be learned again, where it is locked. */
  readonly onOpen?: () => void;
}

/** One scale of a persona, from one word to the other. */
export function Scale({ axis, value, locked, onChange, onOpen }: ScaleProps) {
  const { t } = useTranslation("settings");
  const id = useId();
  const [low, high] = [t(`scales.${axis}.low`), t(`scales.${axis}.high`)];
  return (
    <div className={styles.scale}>
      <div className={styles.scaleHead}>
        <label htmlFor={id}>{t(`scales.${axis}.name`)}</label>
        {locked ? (
          <span className={styles.locked}>
            <Lock size={14} aria-hidden />
            {t("chosen")}
            {onOpen && (
              <Button
                small
                look="quiet"
                onClick={onOpen}
                aria-label={t("letLearnOf", { axis: t(`scales.${axis}.name`) })}
              >
                {t("letLearn")}
              </Button>
            )}
          </span>
        ) : (
          <span className={styles.locked}>{t("learns")}</span>
        )}
      </div>
      <input
        id={id}
        type="range"
        min={-1}
        max={1}
        step={0.1}
        value={value}
        aria-valuetext={worded(value, low, high, t("between"))}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <div className={styles.ends} aria-hidden>
        <span>{low}</span>
        <span>{high}</span>
      </div>
    </div>
  );
}

function worded(value: number, low: string, high: string, between: string): string {
  if (Math.abs(value) < 0.05) return between;
  return `${value < 0 ? low : high} ${Math.round(Math.abs(value) * 100)} %`;
}
