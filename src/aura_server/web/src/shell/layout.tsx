import { createContext, useContext } from "react";

interface Layout {
  /** Opens the rail where it is a drawer; nothing where it stands beside the page. */
  readonly openRail: () => void;
  /** Opens the search for conversations and commands. */
  readonly openCommands: () => void;
  /** Opens the list of what the keys do. */
  readonly openKeys: () => void;
}

const nothing = () => undefined;
const Current = createContext<Layout>({ openRail: nothing, openCommands: nothing, openKeys: nothing });

export const LayoutProvider = Current.Provider;

/** What a page can ask of the shell around it. */
export const useLayout = (): Layout => useContext(Current);
