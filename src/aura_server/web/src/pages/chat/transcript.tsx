import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CitationResponse } from "@/api/schema";
import styles from "./transcript.module.css";
import { ToLatest, type TurnActions, TurnView } from "./turn-view";
import type { Turn } from "./turns";

const NEAR_PX = 80;

interface TranscriptProps extends TurnActions {
  readonly turns: readonly Turn[];
  readonly opened: { readonly turn: string | null; readonly citation: CitationResponse } | null;
  /** Asks for what was said before; undefined where there is nothing more, or while it is coming. */
  readonly onEarlier?: () => void;
  readonly head?: ReactNode;
}

/** The turns of a conversation. Only those in sight are drawn; who is at its end stays there while an answer grows. */
export function Transcript({ turns, opened, onEarlier, head, ...actions }: TranscriptProps) {
  const { t } = useTranslation("chat");
  const scroller = useRef<HTMLElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const virtual = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => turns[index]?.id ?? index,
    estimateSize: () => 320,
    overscan: 4,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: NEAR_PX,
    paddingStart: 16,
    paddingEnd: 24,
  });
  useStart(turns.length > 0, () => virtual.scrollToEnd());
  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX);
    if (element.scrollTop < 400) onEarlier?.();
  };
  const items = virtual.getVirtualItems();
  return (
    <div className={styles.frame}>
      <section
        ref={scroller}
        className={styles.scroller}
        onScroll={onScroll}
        aria-label={t("conversation")}
        tabIndex={0}
      >
        {head}
        <div className={styles.all} style={{ height: virtual.getTotalSize() }}>
          <div className={styles.shown} style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
            {items.map(({ key, index }) => {
              const turn = turns[index];
              return (
                turn && (
                  <div key={key} ref={virtual.measureElement} data-index={index}>
                    <TurnView
                      turn={turn}
                      last={index === turns.length - 1}
                      opened={opened?.turn === turn.id ? opened.citation : null}
                      {...actions}
                    />
                  </div>
                )
              );
            })}
          </div>
        </div>
      </section>
      {!atEnd && <ToLatest onClick={() => virtual.scrollToEnd()} />}
    </div>
  );
}

function useStart(ready: boolean, act: () => void): void {
  const done = useRef(false);
  useEffect(() => {
    if (!ready || done.current) return;
    done.current = true;
    act();
  });
}
