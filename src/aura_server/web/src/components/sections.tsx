import { useEffect, useRef } from "react";
import { NavLink, useLocation } from "react-router";
import { classes } from "./classes";
import styles from "./sections.module.css";

interface SectionsProps {
  readonly label: string;
  /** Where each part of the page has its address. */
  readonly sections: readonly { readonly to: string; readonly word: string; readonly end?: boolean }[];
}

/** The parts of a page that each have an address of their own. */
export function Sections({ label, sections }: SectionsProps) {
  const nav = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  // Where not all of them fit beside each other, the one that is open is in sight: also after a turn of the telephone.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another address, another one is open
  useEffect(() => {
    const all = nav.current;
    if (all === null) return;
    const watch = new ResizeObserver(() => {
      const here = all.querySelector<HTMLElement>("[aria-current=page]");
      if (here) all.scrollLeft = here.offsetLeft - (all.clientWidth - here.offsetWidth) / 2;
    });
    watch.observe(all);
    return () => watch.disconnect();
  }, [pathname]);
  return (
    <nav ref={nav} className={styles.sections} aria-label={label}>
      {sections.map(({ to, word, end }) => (
        <NavLink key={to} to={to} end={end} className={({ isActive }) => classes(styles.link, isActive && styles.here)}>
          {word}
        </NavLink>
      ))}
    </nav>
  );
}
