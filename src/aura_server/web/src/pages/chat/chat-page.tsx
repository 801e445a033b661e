import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { MessageCircleQuestion } from "lucide-react";
import { Tooltip } from "radix-ui";
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useMatch, useNavigate } from "react-router";
import { ApiProblem } from "@/api/problems";
import type { CitationResponse } from "@/api/schema";
import { Button } from "@/components/button";
import { Dialog } from "@/components/dialog";
import { EmptyState, Failure, Skeleton } from "@/components/feedback";
import { moveDraft, useDraft } from "@/session/drafts";
import { useIdentity } from "@/session/use-session";
import { useKey } from "@/shell/keyboard";
import { Page } from "@/shell/page";
import { useNarrow, useRoomy } from "@/shell/viewport";
import { NEW } from "./answers";
import styles from "./chat-page.module.css";
import { Composer } from "./composer";
import { anyDocuments, collections, conversations, history } from "./conversation-data";
import { useAskInstead, useEditing } from "./editing";
import { SourcePane } from "./source-pane/source-pane";
import { StateLine } from "./state-line";
import { Transcript } from "./transcript";
import { AS_USUAL, type Asked, isOpen, merged, type Turn, turnsOf } from "./turns";
import { useAnswers } from "./use-answers";

const CallBar = lazy(() => import("./voice/call-bar"));

/** The chat: a new conversation at `/`, one that is kept at `/c/:conversation`. */
export function Component() {
  const key = useMatch("/c/:conversation")?.params.conversation ?? NEW;
  // A conversation that has just got its id is the one on the screen: it must not be drawn anew.
  const shown = useRef({ key, drawn: 0, named: "" });
  if (shown.current.key !== key) {
    const { drawn, named } = shown.current;
    shown.current = { key, drawn: key === named ? drawn : drawn + 1, named: "" };
  }
  const onNamed = useCallback((id: string) => {
    shown.current.named = id;
  }, []);
  return (
    <Tooltip.Provider delayDuration={150}>
      <Chat key={shown.current.drawn} conversation={key} onNamed={onNamed} />
    </Tooltip.Provider>
  );
}

interface ChatProps {
  readonly conversation: string;
  readonly onNamed: (id: string) => void;
}

function Chat({ conversation, onNamed }: ChatProps) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const identity = useIdentity();
  const field = useRef<HTMLTextAreaElement>(null);
  const isNew = conversation === NEW;
  const onScreen = useOnScreen(isNew);
  const onNamedHere = useCallback(
    (key: string, id: string) => {
      if (key !== NEW || !onScreen.current) return; // another conversation or page is shown meanwhile
      moveDraft(NEW, id);
      onNamed(id);
      void navigate(`/c/${id}`, { replace: true });
    },
    [onNamed, navigate, onScreen],
  );
  const [live, answers] = useAnswers(conversation, onNamedHere);
  const past = useInfiniteQuery({ ...history(identity.userId, conversation), enabled: !isNew });
  const before = useMemo(() => turnsOf(past.data?.pages.flatMap((page) => page.items) ?? []), [past.data]);
  const turns = useMemo(() => merged(before, live), [before, live]);
  const [text, setText] = useDraft(conversation);
  const [asked, setAsked] = useState<Asked>(AS_USUAL);
  const source = useSource(turns);
  const known = useQuery(collections);
  const answering = turns.some(isOpen);
  const [calling, setCalling] = useState<"off" | "open" | "held">("off");
  const onTalked = (talked: string) => {
    void queries.invalidateQueries({ queryKey: ["history", identity.userId, talked] });
    void queries.invalidateQueries({ queryKey: ["conversations"] });
    if (isNew) onNamedHere(NEW, talked);
  };
  const onCallEnd = (talked: string | null) => {
    setCalling("off");
    void queries.invalidateQueries({ queryKey: ["history"] });
    void queries.invalidateQueries({ queryKey: ["conversations"] });
    if (isNew && talked !== null) void navigate(`/c/${talked}`);
  };

  const ask = useCallback(
    (question: string, how: Asked = asked) => answers.ask(conversation, question, how),
    [answers, conversation, asked],
  );
  const askInstead = useAskInstead(conversation, turns, answers);
  const editing = useEditing(text, setText, field);
  const edited = turns.findIndex((turn) => turn.id === editing.turn);
  const onSend = () => {
    const question = text.trim();
    if (question === "" || answering) return;
    const replaced = turns[edited];
    if (!replaced) {
      ask(question);
      setText("");
      return;
    }
    askInstead(replaced, question, asked);
    editing.end();
  };
  const onAgain = useCallback(
    (turn: Turn) =>
      askInstead(turn, turn.question, turn.answer === null && turn.phase !== "failed" ? asked : turn.asked),
    [askInstead, asked],
  );
  useKey("stop", () => (answering ? answers.stop(conversation) : source.close()), {
    enabled: answering || source.opened !== null,
  });
  useKey("talk", () => setCalling("held"), { enabled: calling === "off" && !answering });
  useKey("nextCitation", () => source.step(1));
  useKey("previousCitation", () => source.step(-1));
  useEscapeInField(field, () => {
    if (answering) answers.stop(conversation);
    else if (editing.turn !== null) editing.end();
  });

  const gone = !isNew && past.error;
  const waiting = !isNew && past.isPending && turns.length === 0;
  return (
    <Page title={useTitle(conversation)} fixed>
      <div className={styles.chat}>
        {gone ? (
          <div className={styles.middle}>
            <Gone error={past.error} onRetry={() => void past.refetch()} />
          </div>
        ) : waiting ? (
          <div className={styles.middle}>
            <Skeleton lines={8} />
          </div>
        ) : turns.length === 0 ? (
          <Welcome temporary={asked.temporary} onAsk={ask} />
        ) : (
          <Transcript
            turns={turns}
            opened={source.opened}
            onOpen={source.open}
            onAsk={ask}
            onEdit={editing.begin}
            onAgain={onAgain}
            onEarlier={past.hasNextPage && !past.isFetchingNextPage ? () => void past.fetchNextPage() : undefined}
          />
        )}
        <StateLine turn={turns.at(-1)} />
        {calling !== "off" && (
          <Suspense>
            <CallBar
              conversation={isNew ? null : conversation}
              collection={asked.collection}
              held={calling === "held"}
              onSource={source.openAmong}
              onTurn={onTalked}
              onEnd={onCallEnd}
            />
          </Suspense>
        )}
        {calling === "off" && (
          <Composer
            ref={field}
            text={text}
            onText={setText}
            asked={asked}
            onAsked={setAsked}
            collections={known.data?.items ?? []}
            answering={answering}
            kept={!isNew || live.some((turn) => !turn.asked.temporary)}
            organisation={identity.organization}
            onSend={onSend}
            onStop={() => answers.stop(conversation)}
            onEditLast={() => editing.begin(turns.findLast((turn) => turn.question !== ""))}
            replaced={edited < 0 ? null : turns.length - edited - 1}
            onKeepAsItWas={editing.end}
            onTalk={() => setCalling("open")}
          />
        )}
      </div>
      {source.opened && <Beside source={source} />}
    </Page>
  );
}

/** Nothing was asked yet: what this is, and where to begin. */
function Welcome({ temporary, onAsk }: { readonly temporary: boolean; readonly onAsk: (question: string) => void }) {
  const { t } = useTranslation("chat");
  const { organization } = useIdentity();
  const { data: some, isPending } = useQuery(anyDocuments);
  const first = <Button onClick={() => onAsk(t("firstQuestion"))}>{t("firstQuestion")}</Button>;
  return (
    <div className={styles.middle}>
      <EmptyState
        icon={<MessageCircleQuestion size={32} />}
        title={t("welcome", { organisation: organization })}
        action={some === false ? <AddDocuments /> : isPending ? undefined : first}
      >
        {some === false ? t("nothingToAsk") : temporary ? t("temporaryHint") : t("welcomeHint")}
      </EmptyState>
    </div>
  );
}

function AddDocuments() {
  const { t } = useTranslation("chat");
  return (
    <Button asChild look="primary">
      <Link to="/library">{t("addDocuments")}</Link>
    </Button>
  );
}

interface Opened {
  /** Whose it is; null while its turn is still being spoken. */
  readonly turn: string | null;
  readonly citation: CitationResponse;
  readonly among: readonly CitationResponse[];
}

interface Source {
  readonly opened: Opened | null;
  readonly citations: readonly CitationResponse[];
  /** Open a citation of what is being spoken. */
  readonly openAmong: (citation: CitationResponse, among: readonly CitationResponse[]) => void;
  readonly open: (turn: Turn, citation: CitationResponse) => void;
  readonly show: (citation: CitationResponse) => void;
  readonly step: (by: 1 | -1) => void;
  readonly close: () => void;
}

/** Which citation is open, and the way to the one before and after it. */
function useSource(turns: readonly Turn[]): Source {
  const [opened, setOpened] = useState<Opened | null>(null);
  const of = opened?.turn
    ? turns.find((turn) => turn.id === opened.turn)
    : turns.findLast((turn) => turn.citations.length > 0);
  const open = useCallback(
    (turn: Turn, citation: CitationResponse) => setOpened({ turn: turn.id, citation, among: turn.citations }),
    [],
  );
  const openAmong = useCallback(
    (citation: CitationResponse, among: readonly CitationResponse[]) => setOpened({ turn: null, citation, among }),
    [],
  );
  const loose = opened !== null && opened.turn === null;
  const citations = (loose ? opened.among : of?.citations) ?? [];
  const show = (citation: CitationResponse) => {
    if (loose) openAmong(citation, citations);
    else if (of) open(of, citation);
  };
  const step = (by: 1 | -1) => {
    const at = opened
      ? citations.findIndex((each) => each.start === opened.citation.start && each.marker === opened.citation.marker)
      : -1;
    const next = citations[at < 0 ? 0 : (at + by + citations.length) % citations.length];
    if (next) show(next);
  };
  return { opened: loose || of ? opened : null, citations, open, openAmong, show, step, close: () => setOpened(null) };
}

/** The source pane: beside the conversation where there is room, else over it. */
function Beside({ source }: { readonly source: Source }) {
  const { t } = useTranslation("chat");
  const roomy = useRoomy();
  const narrow = useNarrow();
  if (source.opened === null) return null;
  const { citation } = source.opened;
  const pane = (
    <SourcePane citation={citation} citations={source.citations} onOpen={source.show} onClose={source.close} />
  );
  if (roomy) return <aside className={styles.beside}>{pane}</aside>;
  return (
    <Dialog open onClose={source.close} title={t("source")} place={narrow ? "bottom" : "end"} bare>
      {pane}
    </Dialog>
  );
}

function useTitle(conversation: string): string {
  const { t } = useTranslation("chat");
  const { data } = useInfiniteQuery(conversations);
  const found = data?.pages.flatMap((page) => page.items).find((each) => each.session_id === conversation);
  return found?.title || (conversation === NEW ? t("common:newChat") : t("conversation"));
}

/** Escape in the message field stops the answer, though text is being typed. */
function useEscapeInField(field: React.RefObject<HTMLTextAreaElement | null>, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const element = field.current;
    const onKeyDown = (event: KeyboardEvent) => event.key === "Escape" && latest.current();
    element?.addEventListener("keydown", onKeyDown);
    return () => element?.removeEventListener("keydown", onKeyDown);
  }, [field]);
}

/** Whether something is on the screen just now, for what happens later. */
function useOnScreen(shown: boolean): React.RefObject<boolean> {
  const now = useRef(shown);
  useEffect(() => {
    now.current = shown;
    return () => {
      now.current = false;
    };
  }, [shown]);
  return now;
}

/** Why a conversation is not shown. One that there is not is not asked for again, and is said in the reader's language. */
function Gone({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }) {
  const { t } = useTranslation("chat");
  const anew = (
    <Button asChild>
      <Link to="/">{t("common:newChat")}</Link>
    </Button>
  );
  if (error instanceof ApiProblem && error.status === 404)
    return (
      <EmptyState title={t("noConversation")} action={anew}>
        {t("noConversationHint")}
      </EmptyState>
    );
  return (
    <>
      <Failure error={error} onRetry={onRetry} />
      {anew}
    </>
  );
}
