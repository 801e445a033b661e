import { ChevronLeft, ChevronRight } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DocumentResponse } from "@/api/schema";
import { IconButton } from "@/components/button";
import { Skeleton } from "@/components/feedback";
import { count } from "@/i18n/formats";
import styles from "./documents.module.css";

const PdfPage = lazy(() => import("@/pages/chat/source-pane/pdf-page"));

/** Whether the document has pages that can be drawn. */
export const isPrinted = ({ filename, version }: DocumentResponse): boolean => version > 0 && /\.pdf$/i.test(filename);

/** The pages of a PDF as they were printed, one at a time. */
export function Printed({ document }: { readonly document: DocumentResponse }) {
  const { t } = useTranslation("documents");
  const [page, setPage] = useState(1);
  const [pages, setPages] = useState(document.pages ?? 1);
  const step = (by: number) => setPage((at) => Math.min(pages, Math.max(1, at + by)));
  return (
    <section className={styles.printed} aria-label={t("printed")}>
      <div className={styles.pager}>
        <IconButton
          label={t("previousPage")}
          icon={<ChevronLeft size={18} className={styles.arrow} />}
          disabled={page <= 1}
          onClick={() => step(-1)}
        />
        <span aria-live="polite">{t("pageOf", { page: count(page), pages: count(pages) })}</span>
        <IconButton
          label={t("nextPage")}
          icon={<ChevronRight size={18} className={styles.arrow} />}
          disabled={page >= pages}
          onClick={() => step(1)}
        />
      </div>
      <Suspense fallback={<Skeleton lines={12} label={t("opening")} />}>
        <PdfPage
          documentId={document.id}
          version={document.version}
          page={page}
          quote=""
          onPages={setPages}
          onMissing={nothing}
        />
      </Suspense>
    </section>
  );
}

/** There is no passage that could be missing. */
function nothing() {}
