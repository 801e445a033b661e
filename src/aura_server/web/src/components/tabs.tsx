import { Tabs as Parts } from "radix-ui";
import type { ReactNode } from "react";
import styles from "./tabs.module.css";

interface TabsProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly tabs: readonly { readonly value: string; readonly word: string; readonly content: ReactNode }[];
}

/** Tabs and the panel of the chosen one; the other panels are not drawn. */
export function Tabs({ label, value, onChange, tabs }: TabsProps) {
  return (
    <Parts.Root value={value} onValueChange={onChange}>
      <Parts.List className={styles.list} aria-label={label}>
        {tabs.map((each) => (
          <Parts.Trigger key={each.value} value={each.value} className={styles.tab}>
            {each.word}
          </Parts.Trigger>
        ))}
      </Parts.List>
      {tabs.map((each) => (
        <Parts.Content key={each.value} value={each.value} className={styles.panel}>
          {each.content}
        </Parts.Content>
      ))}
    </Parts.Root>
  );
}
