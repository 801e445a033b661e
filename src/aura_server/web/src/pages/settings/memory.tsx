import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Pencil, Pin, PinOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, dataOf } from "@/api/client";
import { download } from "@/api/files";
import type { FactResponse, MemorySettings } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button, IconButton } from "@/components/button";
import { Confirm, Dialog } from "@/components/dialog";
import { EmptyState, Failure, Skeleton, Status } from "@/components/feedback";
import { Segments, Switch, TextArea, TextField } from "@/components/field";
import { Panel, Row, Stack } from "@/components/panel";
import { toast } from "@/components/toasts";
import { moment } from "@/i18n/formats";
import { useReceipt } from "@/pages/documents/receipts";
import styles from "./settings.module.css";
import { Why } from "./why";

const FACTS = ["memory", "facts"] as const;
type Shown = "live" | "superseded" | "all";
interface Asking {
  readonly what: "edit" | "forget" | "why";
  readonly fact: FactResponse;
}

/**
 * What AURA knows of the reader from their own words: to be seen, put right, taken along and erased.
 *
 * What stands below the facts is drawn when these have come: how many they are is not known before, and nobody is to aim
 * at a button that then moves away.
 */
export function MemoryPart() {
  const facts = useFacts("live");
  const rules = useQuery(SETTINGS);
  return (
    <>
      <Facts />
      {!facts.isPending && !rules.isPending && (
        <>
          <Rules />
          <Leaving />
        </>
      )}
    </>
  );
}

const SETTINGS = { queryKey: ["memory", "settings"], queryFn: () => dataOf(api.GET("/memory/settings")) };

function useFacts(shown: Shown) {
  return useInfiniteQuery({
    queryKey: [...FACTS, shown],
    queryFn: ({ pageParam }) =>
      dataOf(
        api.GET("/memory/facts", { params: { query: { status: shown, limit: 50, cursor: pageParam ?? undefined } } }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor ?? null,
    placeholderData: keepPreviousData,
  });
}

function Facts() {
  const { t } = useTranslation("settings");
  const [shown, setShown] = useState<Shown>("live");
  const [asking, setAsking] = useState<Asking | null>(null);
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage } = useFacts(shown);
  const facts = data?.pages.flatMap((page) => page.items) ?? [];
  const filter = (
    <Segments<Shown>
      bare
      label={t("whichFacts")}
      value={shown}
      options={[
        ["live", t("facts.live")],
        ["superseded", t("facts.superseded")],
        ["all", t("facts.all")],
      ]}
      onChange={setShown}
    />
  );
  return (
    <Panel title={t("remembered")} hint={t("rememberedHint")} actions={filter}>
      {isPending && <Skeleton lines={5} />}
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && facts.length === 0 && <EmptyState title={t("noFacts")}>{t("noFactsHint")}</EmptyState>}
      <ul className={styles.facts}>
        {facts.map((fact) => (
          <Fact key={fact.id} fact={fact} onAsk={setAsking} />
        ))}
      </ul>
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{t("showMore")}</Button>}
      {asking?.what === "edit" && <Editing fact={asking.fact} onClose={() => setAsking(null)} />}
      {asking?.what === "forget" && <Forgetting fact={asking.fact} onClose={() => setAsking(null)} />}
      {asking?.what === "why" && <Why fact={asking.fact} onClose={() => setAsking(null)} />}
    </Panel>
  );
}

function Fact({ fact, onAsk }: { readonly fact: FactResponse; readonly onAsk: (asking: Asking) => void }) {
  const { t } = useTranslation("settings");
  const pin = useChange(
    () =>
      dataOf(
        api.PATCH("/memory/facts/{fact_id}", {
          params: { path: { fact_id: fact.id } },
          body: { pinned: !fact.pinned },
        }),
      ),
    { reads: [FACTS] },
  );
  return (
    <li className={styles.fact}>
      <div className={styles.factText}>
        <p>{fact.text}</p>
        <p className={styles.quiet}>
          {t("saidAt", { time: moment(fact.learned_at) })} · <FoundBy fact={fact} />
          {fact.status !== "live" && ` · ${t("facts.superseded")}`}
        </p>
      </div>
      {fact.pinned && <Status tone="plain">{t("pinned")}</Status>}
      <Button
        small
        look="quiet"
        aria-label={t("whyOf", { fact: fact.text })}
        onClick={() => onAsk({ what: "why", fact })}
      >
        {t("whyKnown")}
      </Button>
      <IconButton
        label={t(fact.pinned ? "unpinOf" : "pinOf", { fact: fact.text })}
        icon={fact.pinned ? <PinOff size={16} /> : <Pin size={16} />}
        onClick={() => pin.mutate(undefined)}
      />
      <IconButton
        label={t("editOf", { fact: fact.text })}
        icon={<Pencil size={16} />}
        onClick={() => onAsk({ what: "edit", fact })}
      />
      <IconButton
        label={t("forgetOf", { axis: fact.text })}
        icon={<Trash2 size={16} />}
        onClick={() => onAsk({ what: "forget", fact })}
      />
    </li>
  );
}

function FoundBy({ fact }: { readonly fact: FactResponse }) {
  const { t } = useTranslation("settings");
  if (fact.edited) return t("putRight");
  return fact.source.startsWith("rules") ? t("foundByRules") : t("foundBy", { model: fact.source });
}

interface FactDialogProps {
  readonly fact: FactResponse;
  readonly onClose: () => void;
}

function Editing({ fact, onClose }: FactDialogProps) {
  const { t } = useTranslation("settings");
  const [text, setText] = useState(fact.text);
  const save = useChange(
    () => dataOf(api.PATCH("/memory/facts/{fact_id}", { params: { path: { fact_id: fact.id } }, body: { text } })),
    { reads: [FACTS], onDone: onClose },
  );
  const actions = (
    <Button look="primary" busy={save.isPending && t("saving")} onClick={() => save.mutate(undefined)}>
      {t("common:save")}
    </Button>
  );
  return (
    <Dialog open onClose={onClose} title={t("edit")} actions={actions}>
      <TextArea label={t("fact")} autoFocus value={text} onChange={(event) => setText(event.target.value)} />
    </Dialog>
  );
}

function Forgetting({ fact, onClose }: FactDialogProps) {
  const { t } = useTranslation("settings");
  const forget = useChange(
    () => dataOf(api.DELETE("/memory/facts/{fact_id}", { params: { path: { fact_id: fact.id } } })),
    {
      reads: [FACTS],
      onDone: () => {
        toast(t("factForgotten"));
        onClose();
      },
    },
  );
  return (
    <Confirm
      open
      title={t("forgetFact")}
      action={t("forget")}
      busy={forget.isPending && t("forgetting")}
      onConfirm={() => forget.mutate(undefined)}
      onClose={onClose}
    >
      <p>“{fact.text}”</p>
      <p>{t("forgetWarning")}</p>
    </Confirm>
  );
}

function Rules() {
  const { t } = useTranslation("settings");
  const { data, error, refetch } = useQuery(SETTINGS);
  const save = useChange((body: MemorySettings) => dataOf(api.PUT("/memory/settings", { body })), {
    reads: [SETTINGS.queryKey],
    onDone: () => toast(t("common:saved")),
  });
  return (
    <Panel title={t("rules")}>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data && (
        <Stack>
          <Switch
            label={t("learn")}
            hint={t("learnHint")}
            checked={data.learns}
            onChange={(learns) => save.mutate({ ...data, learns })}
          />
          <Switch
            label={t("sensitive")}
            hint={t("sensitiveHint")}
            checked={data.sensitive}
            disabled={!data.learns}
            onChange={(sensitive) => save.mutate({ ...data, sensitive })}
          />
          <TimeZone kept={data.time_zone} onSave={(time_zone) => save.mutate({ ...data, time_zone })} />
        </Stack>
      )}
    </Panel>
  );
}

function TimeZone({ kept, onSave }: { readonly kept: string; readonly onSave: (zone: string) => void }) {
  const { t } = useTranslation("settings");
  const [zone, setZone] = useState(kept);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Row>
      <TextField
        label={t("timeZone")}
        hint={t("timeZoneHint", { here })}
        value={zone}
        onChange={(event) => setZone(event.target.value)}
      />
      <Button disabled={zone === kept} onClick={() => onSave(zone)}>
        {t("common:save")}
      </Button>
    </Row>
  );
}

function Leaving() {
  const { t } = useTranslation("settings");
  const receiptOf = useReceipt();
  const [asking, setAsking] = useState(false);
  const keep = useChange((format: "jsonl" | "html") => download(`/memory/export?format=${format}`, `memory.${format}`));
  const erase = useChange(() => dataOf(api.DELETE("/memory/")), {
    reads: [["memory"], ["conversations"]],
    onDone: ({ receipt }) => {
      toast(receiptOf(receipt));
      setAsking(false);
    },
  });
  return (
    <Panel title={t("takeOrErase")} hint={t("takeOrEraseHint")}>
      <Row>
        <Button onClick={() => keep.mutate("html")}>{t("exportHtml")}</Button>
        <Button onClick={() => keep.mutate("jsonl")}>{t("exportJson")}</Button>
        <Button look="danger" onClick={() => setAsking(true)}>
          {t("eraseAll")}
        </Button>
      </Row>
      <Confirm
        open={asking}
        title={t("eraseTitle")}
        action={t("eraseAll")}
        busy={erase.isPending && t("erasing")}
        onConfirm={() => erase.mutate(undefined)}
        onClose={() => setAsking(false)}
      >
        {t("eraseWarning")}
      </Confirm>
    </Panel>
  );
}
