import { NavLink } from "react-router";
import { classes } from "./classes";
import styles from "./sections.module.css";

interface SectionsProps {
  readonly label: string;
  /** Where each part of the page has its address. */
  readonly sections: readonly { readonly to: string; readonly word: string; readonly end?: boolean }[];
}

/** The parts of a page that each have an address of their own. */
export function Sections({ label, sections }: SectionsProps) {
  return (
    <nav className={styles.sections} aria-label={label}>
      {sections.map(({ to, word, end }) => (
        <NavLink key={to} to={to} end={end} className={({ isActive }) => classes(styles.link, isActive && styles.here)}>
          {word}
        </NavLink>
      ))}
    </nav>
  );
}
