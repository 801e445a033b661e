import { type ComponentProps, type ReactNode, useId } from "react";
import { classes } from "./classes";
import styles from "./field.module.css";

interface FieldProps {
  readonly label: string;
  /** What to know before typing. */
  readonly hint?: ReactNode;
  /** What is wrong, and what to do. */
  readonly error?: string | null;
  /** The label is said but not seen: where the place tells what it is. */
  readonly bare?: boolean;
  readonly children: (wiring: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

/** A labelled control with its hint and its error, wired for assistive technology. */
export function Field({ label, hint, error, bare, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={bare ? "visually-hidden" : styles.label}>
        {label}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {hint && (
        <p id={`${id}-hint`} className={styles.hint}>
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className={styles.error} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

type Labelled = Pick<FieldProps, "label" | "hint" | "error" | "bare">;

/** A line of text with its label. */
export function TextField({ label, hint, error, bare, className, ...rest }: Labelled & ComponentProps<"input">) {
  return (
    <Field label={label} hint={hint} error={error} bare={bare}>
      {(wiring) => <input {...rest} {...wiring} className={classes(styles.control, className)} />}
    </Field>
  );
}

/** Lines of text with their label. */
export function TextArea({ label, hint, error, bare, className, ...rest }: Labelled & ComponentProps<"textarea">) {
  return (
    <Field label={label} hint={hint} error={error} bare={bare}>
      {(wiring) => <textarea rows={3} {...rest} {...wiring} className={classes(styles.control, className)} />}
    </Field>
  );
}

/** One of some options, by the browser's own control. The children are `option`s. */
export function Select({ label, hint, error, bare, className, ...rest }: Labelled & ComponentProps<"select">) {
  return (
    <Field label={label} hint={hint} error={error} bare={bare}>
      {(wiring) => <select {...rest} {...wiring} className={classes(styles.control, styles.select, className)} />}
    </Field>
  );
}

interface SwitchProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
}

/** Something that is on or off, and takes effect at once. */
export function Switch({ label, hint, checked, onChange, disabled }: SwitchProps) {
  const id = useId();
  return (
    <div className={styles.switch}>
      <input
        id={id}
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.checked)}
      />
      <div>
        <label htmlFor={id} className={styles.label}>
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className={styles.hint}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

interface SegmentsProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [value: T, word: string])[];
  readonly onChange: (value: T) => void;
  readonly bare?: boolean;
}

/** One of a few options, all of them seen: radio buttons that look like one control. */
export function Segments<T extends string>({ label, value, options, onChange, bare }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className={styles.segments}>
      <legend className={bare ? "visually-hidden" : styles.label}>{label}</legend>
      <div className={styles.row}>
        {options.map(([each, word]) => (
          <label key={each} className={classes(styles.segment, each === value && styles.chosen)}>
            <input
              type="radio"
              className="visually-hidden"
              name={name}
              value={each}
              checked={each === value}
              onChange={() => onChange(each)}
            />
            {word}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
