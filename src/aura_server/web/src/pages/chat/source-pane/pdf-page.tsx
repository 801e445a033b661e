import { useQuery } from "@tanstack/react-query";
import type { PDFDocumentProxy } from "pdfjs-dist";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Failure, Skeleton } from "@/components/feedback";
import { bytesOf } from "./document-data";
import { locate, type Piece } from "./locate";
import { centre } from "./scrolling";
import styles from "./source-pane.module.css";

interface PdfPageProps {
  readonly documentId: string;
  readonly version: number;
  readonly page: number;
  readonly quote: string;
  /** Is told how many pages there are, once they are known. */
  readonly onPages: (pages: number) => void;
  /** The passage is not in the text of the page: a picture of it, perhaps. */
  readonly onMissing: () => void;
}

/** One page of a PDF as it was printed, with the passage marked on it. */
export default function PdfPage({ documentId, version, page, quote, onPages, onMissing }: PdfPageProps) {
  const { t } = useTranslation("chat");
  const { data, error, refetch } = useQuery({
    queryKey: ["documents", documentId, "pdf", version],
    queryFn: async () => opened(await bytesOf(documentId, version)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  useEffect(() => {
    if (data) onPages(data.numPages);
  }, [data, onPages]);
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton lines={12} label={t("openingDocument")} />;
  return <Sheet key={page} document={data} page={page} quote={quote} onMissing={onMissing} />;
}

interface SheetProps extends Pick<PdfPageProps, "page" | "quote" | "onMissing"> {
  readonly document: PDFDocumentProxy;
}

function Sheet({ document, page, quote, onMissing }: SheetProps) {
  const { t } = useTranslation("chat");
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<unknown>(null);
  const missing = useRef(onMissing);
  missing.current = onMissing;
  useEffect(() => {
    const abort = new AbortController();
    drawn(document, page, quote, { frame, canvas, layer }, abort.signal)
      .then((found) => !found && !abort.signal.aborted && missing.current())
      .catch((failure) => !abort.signal.aborted && setError(failure));
    return () => abort.abort();
  }, [document, page, quote]);
  if (error) return <Failure error={error} />;
  return (
    <div ref={frame} className={styles.sheet}>
      <canvas ref={canvas} role="img" aria-label={t("pageImage", { page })} />
      <div ref={layer} className={styles.layer} />
    </div>
  );
}

type Places = Record<"frame", React.RefObject<HTMLDivElement | null>> &
  Record<"canvas", React.RefObject<HTMLCanvasElement | null>> &
  Record<"layer", React.RefObject<HTMLDivElement | null>>;

/** Draws the page and its text; whether the quote is in it. */
async function drawn(document: PDFDocumentProxy, page: number, quote: string, places: Places, signal: AbortSignal) {
  const [{ TextLayer }, sheet] = await Promise.all([pdfjs(), document.getPage(page)]);
  const [frame, canvas, layer] = [places.frame.current, places.canvas.current, places.layer.current];
  if (signal.aborted || !frame || !canvas || !layer) return true;
  const natural = sheet.getViewport({ scale: 1 });
  const viewport = sheet.getViewport({ scale: frame.clientWidth / natural.width });
  const density = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.floor(viewport.width * density);
  canvas.height = Math.floor(viewport.height * density);
  frame.style.setProperty("--total-scale-factor", String(viewport.scale));
  frame.style.aspectRatio = `${natural.width} / ${natural.height}`;
  const painting = sheet.render({ canvas, viewport, transform: [density, 0, 0, density, 0, 0] });
  signal.addEventListener("abort", () => painting.cancel());
  layer.replaceChildren();
  const text = new TextLayer({ textContentSource: await sheet.getTextContent(), container: layer, viewport });
  await text.render();
  TextLayer.cleanup(); // takes the canvas away that it measured with
  if (signal.aborted) return true;
  const parts = locate(text.textContentItemsStr, quote);
  const marks = parts.map((part) => marked(text.textDivs[part.index], part));
  centre(marks.find((mark) => mark !== null));
  await painting.promise;
  return parts.length > 0;
}

/** Puts a `mark` around a part of a piece of the page's text. */
function marked(piece: HTMLElement | undefined, { from, to }: Piece): HTMLElement | null {
  const text = piece?.textContent ?? "";
  if (!piece) return null;
  const mark = document.createElement("mark");
  mark.textContent = text.slice(from, to);
  piece.replaceChildren(text.slice(0, from), mark, text.slice(to));
  return mark;
}

async function opened(bytes: ArrayBuffer): Promise<PDFDocumentProxy> {
  const { getDocument, version } = await pdfjs();
  const resources = import.meta.env.DEV ? "/node_modules/pdfjs-dist" : `/assets/pdfjs-${version}`; // see pdf-resources.ts
  const served = {
    cMapUrl: `${resources}/cmaps/`,
    standardFontDataUrl: `${resources}/standard_fonts/`,
    wasmUrl: `${resources}/wasm/`,
    iccUrl: `${resources}/iccs/`,
  };
  return getDocument({ data: bytes, enableXfa: false, isEvalSupported: false, stopAtErrors: false, ...served }).promise;
}

async function pdfjs() {
  const [library, worker] = await Promise.all([
    import("pdfjs-dist/legacy/build/pdf.mjs"),
    import("pdfjs-dist/legacy/build/pdf.worker.min.mjs?url"),
  ]);
  library.GlobalWorkerOptions.workerSrc = worker.default;
  return library;
}
