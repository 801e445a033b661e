import { createContext, useContext } from "react";

interface Layout {
  /** Opens the rail where it is a drawer; nothing where it stands beside the page. */
  readonly openRail: () => void;
  /** Opens the search for conversations and commands. */
  readonly openCommands: () => void;
}

const Current = createContext<Layout>({ openRail: () => undefined, openCommands: () => undefined });

export const LayoutProvider = Current.Provider;

/** What a page can ask of the shell around it. */
export const useLayout = (): Layout => useContext(Current);
