import type { ReactNode } from "react";
import { Link } from "react-router";
import styles from "./figure.module.css";

interface FigureProps {
  readonly name: string;
  readonly value: string;
  /** What it is to be compared with. */
  readonly beside?: ReactNode;
  /** Where the rows behind it are. */
  readonly to?: string;
}

/** One number that matters. */
export function Figure({ name, value, beside, to }: FigureProps) {
  return (
    <div className={styles.figure}>
      <dt>{to === undefined ? name : <Link to={to}>{name}</Link>}</dt>
      <dd className={styles.value}>{value}</dd>
      {beside && <dd className={styles.beside}>{beside}</dd>}
    </div>
  );
}

/** Numbers beside each other. */
export function Figures({ children }: { readonly children: ReactNode }) {
  return <dl className={styles.figures}>{children}</dl>;
}
