import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { api, dataOf } from "@/api/client";
import { classes } from "@/components/classes";
import { Dialog } from "@/components/dialog";
import { useIdentity } from "@/session/use-session";
import styles from "./commands.module.css";
import { seesAdmin } from "./rail";

interface Command {
  readonly key: string;
  readonly word: string;
  readonly detail?: string;
  readonly to: string;
}

/** Search over conversations and pages, moved through by the arrow keys. */
export default function Commands({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const list = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const wanted = text.trim();
  const { commands, searching } = useCommands(useDeferredValue(wanted), wanted);
  const chosen = Math.min(at, commands.length - 1);
  const go = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    void navigate(command.to);
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, commands.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) go(commands[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog open onClose={onClose} title={t("search")} bare wide>
      <input
        autoFocus
        className={styles.input}
        role="combobox"
        aria-label={t("searchHint")}
        aria-expanded={commands.length > 0}
        aria-controls={list}
        aria-activedescendant={commands[chosen] && `${list}-${chosen}`}
        placeholder={t("searchHint")}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={list} role="listbox" aria-label={t("search")} className={styles.list} hidden={commands.length === 0}>
        {commands.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/useFocusableInteractive: the keys are the combobox's
          <div
            key={command.key}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === chosen}
            className={classes(styles.option, index === chosen && styles.chosen)}
            onClick={() => go(command)}
          >
            <span className={styles.word}>{command.word}</span>
            {command.detail && <span className={styles.detail}>{command.detail}</span>}
          </div>
        ))}
      </div>
      <p role="status" className={commands.length === 0 ? styles.nothing : "visually-hidden"}>
        {commands.length === 0 && !searching && t("nothingFound")}
      </p>
    </Dialog>
  );
}

/** What `text` finds; while more is `wanted` or on its way, that nothing was found is not known yet. */
function useCommands(text: string, wanted: string): { commands: readonly Command[]; searching: boolean } {
  const { t } = useTranslation();
  const { role } = useIdentity();
  const { data, isFetching } = useQuery({
    queryKey: ["conversations", "search", text],
    queryFn: () => dataOf(api.GET("/conversations/search", { params: { query: { q: text, limit: 12 } } })),
    enabled: text.length > 1,
    placeholderData: (before) => before,
  });
  const commands = useMemo(() => {
    const pages: Command[] = [
      { key: "new", word: t("newChat"), to: "/" },
      { key: "documents", word: t("documents"), to: "/library" },
      ...(seesAdmin(role) ? [{ key: "admin", word: t("admin"), to: "/console" }] : []),
      { key: "settings", word: t("settings"), to: "/settings" },
    ].filter((each) => each.word.toLowerCase().includes(wanted.toLowerCase())); // at once: Enter may be the next key
    const found = text.length < 2 ? [] : (data?.items ?? []);
    const latest = new Map([...found].reverse().map((hit) => [hit.message.session_id, hit]));
    const talks = [...latest.values()].reverse().map(({ title, start, message }) => ({
      key: message.message_id,
      word: title,
      detail: message.text.slice(Math.max(0, start - 30), start + 90),
      to: `/c/${message.session_id}`,
    }));
    return [...pages, ...talks];
  }, [data, text, wanted, role, t]);
  return { commands, searching: isFetching || text !== wanted };
}
