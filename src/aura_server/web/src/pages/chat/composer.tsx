import { Clock, Mic, Pencil, SendHorizontal, SlidersHorizontal, Square, X } from "lucide-react";
import { type KeyboardEvent, type Ref, useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { CollectionResponse } from "@/api/schema";
import { IconButton } from "@/components/button";
import { classes } from "@/components/classes";
import { CheckItem, Menu } from "@/components/menu";
import { shownKeys } from "@/shell/keyboard";
import { useMedia, useNarrow } from "@/shell/viewport";
import styles from "./composer.module.css";
import type { Asked } from "./turns";

const MOST_CHARACTERS = 32_000;

interface ComposerProps {
  readonly ref?: Ref<HTMLTextAreaElement>;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly asked: Asked;
  readonly onAsked: (asked: Asked) => void;
  readonly collections: readonly CollectionResponse[];
  readonly answering: boolean;
  /** Another chat can not become temporary once it is kept. */
  readonly kept: boolean;
  readonly organisation: string;
  readonly onSend: () => void;
  readonly onStop: () => void;
  readonly onEditLast: () => void;
  readonly onTalk: () => void;
  /** How many turns behind the edited one go with it; null where nothing is being edited. */
  readonly replaced: number | null;
  readonly onKeepAsItWas: () => void;
}

/** Where a message is written, and how it is asked. */
export function Composer(props: ComposerProps) {
  const { t } = useTranslation("chat");
  const { ref, text, onText, answering, onSend, onStop, asked, onAsked } = props;
  const area = useGrowing(text);
  const coarse = useMedia("(pointer: coarse)");
  const narrow = useNarrow();
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const modified = event.metaKey || event.ctrlKey;
    if (event.key === "Enter" && (modified || (!coarse && !event.shiftKey))) {
      event.preventDefault();
      onSend();
    } else if (event.key === "ArrowUp" && text === "") {
      event.preventDefault();
      props.onEditLast();
    }
  };
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      <div role="status">
        {props.replaced !== null && (
          <div className={styles.editing}>
            <Pencil size={14} aria-hidden />
            <span>{t("editing", { count: props.replaced })}</span>
            <IconButton label={t("keepAsItWas")} keys="Esc" icon={<X size={16} />} onClick={props.onKeepAsItWas} />
          </div>
        )}
      </div>
      <div className={classes(styles.box, asked.temporary && styles.temporary)}>
        <textarea
          ref={(element) => {
            area.current = element;
            if (typeof ref === "function") ref(element);
            else if (ref) ref.current = element;
          }}
          id="message"
          className={styles.area}
          rows={1}
          dir="auto"
          aria-label={t("message")}
          placeholder={narrow ? t("placeholderShort") : t("placeholder", { organisation: props.organisation })}
          maxLength={MOST_CHARACTERS}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <div className={styles.buttons}>
          <IconButton
            className={styles.talk}
            label={t("voice:talk")}
            icon={<Mic size={18} />}
            disabled={answering}
            onClick={props.onTalk}
          />
          {answering ? (
            <IconButton
              className={styles.send}
              label={t("stop")}
              keys="Esc"
              icon={<Square size={16} fill="currentColor" />}
              onClick={onStop}
            />
          ) : (
            <IconButton
              type="submit"
              className={styles.send}
              label={t("send")}
              keys={shownKeys("Mod+Enter")}
              icon={<SendHorizontal size={18} />}
              disabled={text.trim() === ""}
            />
          )}
        </div>
      </div>
      <div className={styles.how}>
        <select
          className={styles.select}
          aria-label={t("collection")}
          value={asked.collection ?? ""}
          onChange={(event) => onAsked({ ...asked, collection: event.target.value || null })}
        >
          <option value="">{t("allDocuments")}</option>
          {props.collections.map((each) => (
            <option key={each.id} value={each.name}>
              {each.name}
            </option>
          ))}
        </select>
        <button
          type="button"
          className={styles.toggle}
          aria-pressed={asked.temporary}
          disabled={props.kept}
          title={t("temporaryHint")}
          onClick={() => onAsked({ ...asked, temporary: !asked.temporary })}
        >
          <Clock size={14} aria-hidden />
          {t("temporary")}
        </button>
        <Menu
          align="start"
          trigger={
            <button type="button" className={styles.toggle}>
              <SlidersHorizontal size={14} aria-hidden />
              {t("how")}
            </button>
          }
        >
          <CheckItem checked={asked.use_memory} onChange={(use_memory) => onAsked({ ...asked, use_memory })}>
            {t("useMemory")}
          </CheckItem>
          <CheckItem checked={asked.use_persona} onChange={(use_persona) => onAsked({ ...asked, use_persona })}>
            {t("usePersona")}
          </CheckItem>
        </Menu>
      </div>
    </form>
  );
}

/** A text area as high as its text, up to what the style allows. */
function useGrowing(text: string) {
  const area = useRef<HTMLTextAreaElement | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = area.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);
  return area;
}
