import i18next from "i18next";

/** Numbers, times and sizes as the reader's language writes them, in the reader's country where the browser knows that. */
const language = () => {
  const chosen = i18next.language || "en";
  return navigator.languages.find((each) => each.startsWith(`${chosen}-`)) ?? chosen;
};

/** A whole number with its separators. */
export function count(value: number): string {
  return new Intl.NumberFormat(language()).format(value);
}

/** A number with one digit behind its point. */
export function decimal(value: number): string {
  return new Intl.NumberFormat(language(), { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value);
}

/** US dollars; amounts below a cent keep their first figures. */
export function usd(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 0.01 ? 5 : 2;
  const format = {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: 2,
    maximumFractionDigits: digits,
  } as const;
  return new Intl.NumberFormat(language(), format).format(value);
}

/** Seconds, as 0.4 s or 12 s. */
export function seconds(value: number): string {
  const digits = value < 10 ? 1 : 0;
  const format = { style: "unit", unit: "second", unitDisplay: "short", maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(language(), format).format(value);
}

/** Bytes in the unit that fits. */
export function size(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const format = {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  } as const;
  return new Intl.NumberFormat(language(), format).format(bytes / 1000 ** step);
}

/** A day and a time, for a title or a table. */
export function moment(iso: string): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** A share of 0 to 1 in percent. */
export function share(value: number): string {
  return new Intl.NumberFormat(language(), { style: "percent", maximumFractionDigits: 0 }).format(value);
}

/** Milliseconds, whole. */
export function milliseconds(value: number): string {
  const format = { style: "unit", unit: "millisecond", unitDisplay: "short", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(language(), format).format(value);
}

/** The score of a search, to three figures behind the point. */
export function score(value: number): string {
  return new Intl.NumberFormat(language(), { minimumFractionDigits: 3, maximumFractionDigits: 3 }).format(value);
}

/** A day of the calendar, as `2026-11-26` names it. */
export function day(iso: string): string {
  const format = { month: "short", day: "numeric", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(language(), format).format(new Date(iso));
}
