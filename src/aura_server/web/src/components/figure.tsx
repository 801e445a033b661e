import type { ReactNode } from "react";
import { Link } from "react-router";
import styles from "./figure.module.css";

interface FigureProps {
  readonly name: string;
  readonly value: string;
  /** What it is to be compared with. */
  readonly beside?: ReactNode;
  /** Where the rows behind it are: another page, or `#` and a part of this one. */
  readonly to?: string;
}

/** One number that matters. */
export function Figure({ name, value, beside, to }: FigureProps) {
  return (
    <div className={styles.figure}>
      <dt>{linked(name, to)}</dt>
      <dd className={styles.value}>{value}</dd>
      {beside && <dd className={styles.beside}>{beside}</dd>}
    </div>
  );
}

function linked(name: string, to: string | undefined): ReactNode {
  if (to === undefined) return name;
  return to.startsWith("#") ? <a href={to}>{name}</a> : <Link to={to}>{name}</Link>;
}

/** Numbers beside each other. */
export function Figures({ children }: { readonly children: ReactNode }) {
  return <dl className={styles.figures}>{children}</dl>;
}
