import { useId } from "react";
import { useTranslation } from "react-i18next";
import styles from "./bar-chart.module.css";
import { classes } from "./classes";

export interface Series {
  readonly name: string;
  /** One for each label. */
  readonly values: readonly number[];
}

interface BarChartProps {
  readonly title: string;
  /** What stands under the bars, one by one. */
  readonly labels: readonly string[];
  /** Stacked, the first at the foot. */
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** Lines beside each other instead: for what can not be added up. A value of 0 is a gap. */
  readonly lines?: boolean;
  /** What a link to its numbers leads to. */
  readonly id?: string;
}

const WIDTH = 640;
const HEIGHT = 160;
const GAP = 0.25;
const MOST_LABELS = 8;
/** How many series the style sheet has colours for. */
const COLOURS = 5;

/** Stacked bars, or lines, over days, with the same numbers as a table for who does not see them. */
export function BarChart({ title, labels, series, format, lines, id: address }: BarChartProps) {
  const { t } = useTranslation();
  const id = useId();
  const most = Math.max(0, ...(lines ? series.flatMap((each) => each.values) : totals(labels.length, series)));
  const every = Math.ceil(labels.length / MOST_LABELS);
  return (
    <figure id={address} className={styles.chart} aria-labelledby={id}>
      <figcaption id={id} className={styles.title}>
        {title}
        {most > 0 && <span className={styles.most}>{t("chart.most", { value: format(most) })}</span>}
      </figcaption>
      {most === 0 && <p className={styles.most}>{t("chart.nothing")}</p>}
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className={classes(styles.plot, most === 0 && styles.flat)}
        aria-hidden
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className={styles.axis} />
        {lines
          ? series.map((each, at) => (
              <path
                key={each.name}
                d={path(each.values, most)}
                className={classes(styles.line, styles[`s${at % COLOURS}`])}
              />
            ))
          : bars(labels.length, series, most).map((bar) => (
              <rect key={`${bar.series} ${bar.at}`} {...bar.box} className={styles[`s${bar.series % COLOURS}`]}>
                <title>{`${labels[bar.at]} · ${series[bar.series]?.name}: ${format(bar.value)}`}</title>
              </rect>
            ))}
      </svg>
      <div className={styles.labels} aria-hidden>
        {labels.map((label, at) => (
          <span key={label} className={at % (2 * every) === 0 ? undefined : styles.between}>
            {at % every === 0 ? label : ""}
          </span>
        ))}
      </div>
      {series.length > 1 && (
        <ul className={styles.legend} aria-hidden>
          {series.map((each, at) => (
            <li key={each.name} className={classes(styles.key, styles[`s${at % COLOURS}`])}>
              <svg viewBox="0 0 10 10" role="presentation">
                <rect width="10" height="10" rx="2" />
              </svg>
              {each.name}
            </li>
          ))}
        </ul>
      )}
      <details className={styles.table}>
        <summary>{t("chart.asTable")}</summary>
        <Numbers title={title} labels={labels} series={series} format={format} />
      </details>
    </figure>
  );
}

function Numbers({ title, labels, series, format }: BarChartProps) {
  const { t } = useTranslation();
  return (
    <table>
      <caption className="visually-hidden">{title}</caption>
      <thead>
        <tr>
          <th scope="col">{t("chart.day")}</th>
          {series.map((each) => (
            <th key={each.name} scope="col">
              {each.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {labels.map((label, at) => (
          <tr key={label}>
            <th scope="row">{label}</th>
            {series.map((each) => (
              <td key={each.name}>{format(each.values[at] ?? 0)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What the bars come to, each of them. */
function totals(count: number, series: readonly Series[]): readonly number[] {
  return Array.from({ length: count }, (_, at) => series.reduce((sum, each) => sum + (each.values[at] ?? 0), 0));
}

/** A line through the values, broken where there is none; one that stands alone is a short stroke. */
export function path(values: readonly number[], most: number): string {
  if (most <= 0) return "";
  const step = WIDTH / values.length;
  const y = (value: number) => (HEIGHT - (value / most) * (HEIGHT - 4)).toFixed(1);
  return values
    .flatMap((value, at) => {
      if (value <= 0) return [];
      const x = (at + 0.5) * step;
      if ((values[at - 1] ?? 0) > 0) return [`L${x.toFixed(1)} ${y(value)}`];
      const alone = (values[at + 1] ?? 0) <= 0;
      return alone
        ? [`M${(x - step / 8).toFixed(1)} ${y(value)}h${(step / 4).toFixed(1)}`]
        : [`M${x.toFixed(1)} ${y(value)}`];
    })
    .join("");
}

interface Bar {
  readonly at: number;
  readonly series: number;
  readonly value: number;
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

/** Where each piece of each bar stands. */
export function bars(count: number, series: readonly Series[], most: number): readonly Bar[] {
  if (most <= 0) return [];
  const step = WIDTH / count;
  const feet = new Array<number>(count).fill(0);
  return series.flatMap((each, index) =>
    each.values.flatMap((value, at) => {
      if (value <= 0) return [];
      const height = (value / most) * (HEIGHT - 4);
      const foot = feet[at] ?? 0;
      feet[at] = foot + height;
      const box = { x: at * step + (step * GAP) / 2, y: HEIGHT - foot - height, width: step * (1 - GAP), height };
      return [{ at, series: index, value, box }];
    }),
  );
}
