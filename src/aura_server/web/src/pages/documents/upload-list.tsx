import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ApiProblem } from "@/api/problems";
import type { DocumentResponse } from "@/api/schema";
import { Button } from "@/components/button";
import { Progress, Status, useExplained } from "@/components/feedback";
import { share, size } from "@/i18n/formats";
import { documents, isBusy, isHopeless } from "./document-data";
import { Helping } from "./document-menu";
import { Progressing } from "./document-table";
import styles from "./documents.module.css";
import { again, choose, clearEnded, instead, stop, type Upload, useUploads } from "./uploads";

/** The files of this visit, from the first byte to the searchable document. */
export function UploadList() {
  const { t } = useTranslation("documents");
  const uploads = useUploads();
  const { data } = useQuery(documents);
  useTaken(uploads);
  if (uploads.length === 0) return null;
  const known = new Map(data?.map((each) => [each.id, each]));
  const shown = (each: Upload) => (each.document?.id ? known.get(each.document.id) : undefined);
  const open = uploads.filter((each) => each.state === "waiting" || each.state === "sending" || busy(shown(each)));
  const failed = uploads.filter((each) => each.state === "refused" || shown(each)?.status === "failed");
  return (
    <section className={styles.uploads} aria-label={t("uploads")}>
      <header className={styles.uploadsHead}>
        <h2>{t("uploads")}</h2>
        <span className={styles.hint} role="status">
          {open.length > 0 ? t("uploadsLeft", { count: open.length }) : t("uploadsDone")}
          {failed.length > 0 && ` ${t("uploadsFailed", { count: failed.length })}`}
        </span>
        <Button small look="quiet" onClick={clearEnded}>
          {t("clear")}
        </Button>
      </header>
      <ul>
        {uploads.map((each) => (
          <li key={each.key} className={styles.upload}>
            <span className={styles.uploadName}>
              {shown(each) ? <Link to={`/library/${each.document?.id}`}>{each.filename}</Link> : each.filename}
              <span className={styles.hint}>{size(each.size)}</span>
            </span>
            <State upload={each} document={shown(each)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A new version of a document that is in the list is on its way there at once, and not only when the server says so. */
function useTaken(uploads: readonly Upload[]): void {
  const queries = useQueryClient();
  const told = useRef(new Set<number>());
  useEffect(() => {
    for (const { key, state, document } of uploads) {
      if (state !== "taken" || document?.id == null || document.duplicate || told.current.has(key)) continue;
      told.current.add(key);
      const { id, status, stage, percent } = document;
      queries.setQueryData<readonly DocumentResponse[]>(documents.queryKey, (list) =>
        list?.map((each) => (each.id === id ? { ...each, status, stage, percent, reason: null } : each)),
      );
    }
  }, [uploads, queries]);
}

const busy = (document: DocumentResponse | undefined): boolean => document !== undefined && isBusy(document);

function State({ upload, document }: { readonly upload: Upload; readonly document: DocumentResponse | undefined }) {
  const { t } = useTranslation("documents");
  const explained = useExplained();
  const button = (name: string, word: string, act: (key: number) => void) => (
    <Button small aria-label={t("of", { action: word, name })} onClick={() => act(upload.key)}>
      {word}
    </Button>
  );
  if (upload.state === "waiting" || upload.state === "sending") {
    return (
      <div className={styles.state}>
        <span className={styles.stage}>
          <Status tone="plain">{t(upload.state)}</Status>
          {upload.state === "sending" && <span className={styles.percent}>{share(upload.sent)}</span>}
        </span>
        <Progress label={t("progressOf", { name: upload.filename })} value={upload.sent} />
        {button(upload.filename, t("cancel"), stop)}
      </div>
    );
  }
  if (upload.state === "cancelled") {
    return (
      <div className={styles.state}>
        <Status tone="warn">{t("statuses.cancelled")}</Status>
        {button(upload.filename, t("sendAgain"), again)}
      </div>
    );
  }
  if (upload.state === "refused") {
    return (
      <div className={styles.state}>
        <Status tone="bad">{t("refused")}</Status>
        <span className={styles.reason}>{upload.document?.reason ?? explained(upload.error)}</span>
        {isAtFault(upload) ? <ChooseAgain upload={upload} /> : button(upload.filename, t("retry"), again)}
      </div>
    );
  }
  if (upload.document?.duplicate && !busy(document)) return <Status tone="ok">{t("duplicate")}</Status>;
  if (document === undefined) return <Status tone="plain">{t("stages.queued")}</Status>;
  return (
    <div className={styles.state}>
      <Progressing document={document} />
      {isHopeless(document) ? <ChooseAgain upload={upload} /> : <Helping document={document} />}
    </div>
  );
}

/** Whether it is the file that was refused, and not the moment: sending the same again helps nobody. */
function isAtFault({ document, error }: Upload): boolean {
  return document !== undefined || (error instanceof ApiProblem && [400, 413, 415, 422].includes(error.status));
}

/** Takes a mended file in the place of one that can not be used; why, and what mends it, stands beside it. */
function ChooseAgain({ upload }: { readonly upload: Upload }) {
  const { t } = useTranslation("documents");
  return (
    <Button
      small
      aria-label={t("of", { action: t("chooseAgain"), name: upload.filename })}
      onClick={() => choose((file) => instead(upload.key, file))}
    >
      {t("chooseAgain")}
    </Button>
  );
}
