import type { CostLine } from "@/api/schema";
import type { Series } from "@/components/bar-chart";

/** Millionths of a dollar in a dollar. */
export const MICRO = 1_000_000;

const DAY_MS = 86_400_000;
const MOST_SERIES = 4;

/** The UTC days from `first` to `last`, both included. */
export function daysOf(first: string, last: string): readonly string[] {
  const days: string[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

/** The dollars of each group by day, the dearest groups first; what is beyond the fourth is one group. */
export function byDay(
  lines: readonly CostLine[],
  days: readonly string[],
  nameOf: (line: CostLine) => string,
): readonly Series[] {
  const groups = new Map<string, Map<string, number>>();
  for (const line of lines) {
    const group = groups.get(nameOf(line)) ?? new Map<string, number>();
    groups.set(nameOf(line), group);
    const dollars = line.spent.cost_micro_usd / MICRO;
    if (line.day) group.set(line.day, (group.get(line.day) ?? 0) + dollars);
  }
  const sum = (group: Map<string, number>) => [...group.values()].reduce((all, each) => all + each, 0);
  const named = [...groups].sort(([, a], [, b]) => sum(b) - sum(a));
  const series = named.map(([name, group]) => ({ name, values: days.map((each) => group.get(each) ?? 0) }));
  const rest = series.slice(MOST_SERIES);
  if (rest.length === 0) return series;
  const values = days.map((_, at) => rest.reduce((all, each) => all + (each.values[at] ?? 0), 0));
  return [...series.slice(0, MOST_SERIES), { name: "…", values }];
}
