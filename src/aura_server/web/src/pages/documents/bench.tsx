import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { api, dataOf } from "@/api/client";
import type { SearchResponse } from "@/api/schema";
import { useChange } from "@/api/use-change";
import { Button } from "@/components/button";
import { EmptyState, Failure, Skeleton } from "@/components/feedback";
import { Select, TextField } from "@/components/field";
import { Facts, Panel, Row, Stack } from "@/components/panel";
import { count, milliseconds, score } from "@/i18n/formats";
import { useDraft } from "@/session/drafts";
import { collections } from "./document-data";
import styles from "./documents.module.css";

const LIMITS = [5, 10, 20, 50];

type Trial = SearchResponse & { readonly waited: number };

/** Tries the search alone: which passages a question finds, by which leg, and how long it took. */
export function Bench() {
  const { t } = useTranslation("documents");
  const { data: known } = useQuery(collections);
  const [query, setQuery] = useDraft("bench");
  const [collection, setCollection] = useState("");
  const [limit, setLimit] = useState(10);
  const { mutate, data, error, isPending } = useChange(search, { onError: () => undefined });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (query.trim() !== "" && !isPending) mutate({ q: query.trim(), limit, collection: collection || undefined });
  };
  return (
    <Panel title={t("bench")} hint={t("benchHint")}>
      <form onSubmit={onSubmit}>
        <Row>
          <div className={styles.query}>
            <TextField label={t("query")} value={query} onChange={(event) => setQuery(event.target.value)} required />
          </div>
          <Select label={t("collection")} value={collection} onChange={(event) => setCollection(event.target.value)}>
            <option value="">{t("any")}</option>
            {known?.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </Select>
          <Select label={t("most")} value={limit} onChange={(event) => setLimit(Number(event.target.value))}>
            {LIMITS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
          <Button type="submit" look="primary" busy={isPending && t("searching")}>
            {t("tryIt")}
          </Button>
        </Row>
      </form>
      {isPending && <Skeleton lines={6} />}
      {error && !isPending && <Failure error={error} />}
      {data && !isPending && <Results trial={data} />}
    </Panel>
  );
}

async function search(query: { q: string; limit: number; collection?: string }): Promise<Trial> {
  const started = performance.now();
  const found = await dataOf(api.GET("/documents/search", { params: { query } }));
  return { ...found, waited: performance.now() - started };
}

function Results({ trial }: { readonly trial: Trial }) {
  const { t } = useTranslation("documents");
  const { items, waited, embedding_seconds, search_seconds } = trial;
  if (items.length === 0) return <EmptyState title={t("nothingFound")}>{t("nothingFoundHint")}</EmptyState>;
  const best = {
    score: Math.max(...items.map((each) => each.score)),
    dense_score: Math.max(0, ...items.map((each) => each.dense_score ?? 0)),
    bm25_score: Math.max(0, ...items.map((each) => each.bm25_score ?? 0)),
  };
  return (
    <Stack>
      <p className={styles.hint} role="status">
        {t("foundIn", { count: items.length, time: milliseconds(waited) })}
      </p>
      <Facts
        facts={[
          [t("times.embedding"), milliseconds(embedding_seconds * 1_000)],
          [t("times.search"), milliseconds(search_seconds * 1_000)],
          [t("times.rest"), milliseconds(Math.max(0, waited - (embedding_seconds + search_seconds) * 1_000))],
        ]}
      />
      <ol className={styles.chunks}>
        {items.map((each, index) => (
          <li key={`${each.document_id}:${each.start}`} className={styles.chunk}>
            <div className={styles.chunkHead}>
              <span>{count(index + 1)}</span>
              <Link to={`/library/${each.document_id}`}>{each.filename}</Link>
              {each.page !== null && <span>{t("page", { page: count(each.page) })}</span>}
              {each.heading.length > 0 && <span>{each.heading.join(" › ")}</span>}
            </div>
            <p>{each.text}</p>
            <dl className={styles.scores}>
              <Score name={t("fused")} value={each.score} most={best.score} />
              <Score name={t("dense")} value={each.dense_score} most={best.dense_score} />
              <Score name="BM25" value={each.bm25_score} most={best.bm25_score} />
            </dl>
          </li>
        ))}
      </ol>
    </Stack>
  );
}

interface ScoreProps {
  readonly name: string;
  readonly value: number | null;
  readonly most: number;
}

function Score({ name, value, most }: ScoreProps) {
  const { t } = useTranslation("documents");
  return (
    <div className={styles.score}>
      <dt>{name}</dt>
      <dd className={styles.bar} aria-hidden>
        <svg viewBox="0 0 100 6" preserveAspectRatio="none" role="presentation">
          <rect width={value === null || most <= 0 ? 0 : Math.max(0, (100 * value) / most)} height="6" />
        </svg>
      </dd>
      <dd>{value === null ? t("notByThisLeg") : score(value)}</dd>
    </div>
  );
}
