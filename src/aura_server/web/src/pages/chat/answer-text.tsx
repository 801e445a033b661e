import type { Element, ElementContent, Root, RootContent } from "hast";
import type {} from "mdast-util-to-hast"; // brings the type of raw nodes
import { memo, useMemo } from "react";
import Markdown, { type Components } from "react-markdown";
import rehypeSanitize, { defaultSchema } from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import styles from "./answer-text.module.css";
import { Cite } from "./cite";

/** What an answer may be made of. No links, no pictures, no markup of its own: these stay text. */
const SCHEMA = {
  ...defaultSchema,
  tagNames: ["p", "br", "strong", "em", "del", "ul", "ol", "li", "code", "pre", "blockquote", "h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td", "hr"], // biome-ignore format: a list
  attributes: { code: [["className", /^language-./]], ol: ["start"], th: ["align"], td: ["align"] },
};

const MARKER = /\s*\[(\d{1,3})\]/g;
const COMPONENTS = {
  h1: "h3",
  h2: "h3",
  h3: "h4",
  h4: "h5",
  sup: ({ children }) => <Cite marker={Number(children)} />,
} satisfies Components;

interface AnswerTextProps {
  readonly text: string;
  /** The markers that have a citation; other numbers in brackets are text. */
  readonly markers: readonly number[];
}

/** An answer: markdown whose markers are buttons. Blocks that are complete are not read again while it grows. */
export function AnswerText({ text, markers }: AnswerTextProps) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  const known = new Set(markers);
  return (
    <div className={styles.text} dir="auto">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only ever added at the end
        <Block key={index} text={block} markers={markersIn(block, known)} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text, markers }: { readonly text: string; readonly markers: string }) {
  const known = new Set(markers === "" ? [] : markers.split(",").map(Number));
  return (
    <Markdown
      remarkPlugins={[remarkGfm]}
      rehypePlugins={[inert, [rehypeSanitize, SCHEMA], [cited, known]]}
      components={COMPONENTS}
    >
      {text}
    </Markdown>
  );
});

/** Which of the markers a block has, as one value: a citation of another block is no reason to read this one again. */
function markersIn(block: string, known: ReadonlySet<number>): string {
  const found = Array.from(block.matchAll(MARKER), (match) => Number(match[1]));
  return [...new Set(found)].filter((marker) => known.has(marker)).join(",");
}

/** `text` in pieces that are markdown by themselves: it is cut at empty lines outside of code. Lists stay whole. */
export function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let fenced = false;
  let lines: string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const begins = !fenced && lines.at(-1)?.trim() === "" && /^[^\s\d*+\-|>]/.test(line);
    if (begins && lines.length > 0) {
      blocks.push(lines.join("\n"));
      lines = [];
    }
    lines.push(line);
  }
  blocks.push(lines.join("\n"));
  return blocks.filter((block) => block.trim() !== "");
}

/** Links, pictures and markup become the text that they were made of; of an address, what can be read. */
function inert() {
  return (tree: Root) => walk(tree, (node) => (node.tagName === "a" || node.tagName === "img" ? plain(node) : null));
}

function plain(node: Element): ElementContent[] {
  const address = String(node.properties.href ?? node.properties.src ?? "");
  const inside: ElementContent[] = node.tagName === "img" ? [word(String(node.properties.alt ?? ""))] : node.children;
  const same = inside.map((each) => (each.type === "text" ? each.value : "")).join("") === address;
  return same || address === "" ? inside : [...inside, word(` (${address})`)];
}

/** Markers that have a citation become `sup` elements, but not in code. */
function cited(known: ReadonlySet<number>) {
  return (tree: Root) => walkTexts(tree, known);
}

function walk(parent: Root | Element, replaced: (node: Element) => ElementContent[] | null): void {
  const children = (parent.children as RootContent[]).flatMap((child): RootContent[] => {
    if (child.type === "raw") return [word(child.value)];
    if (child.type !== "element") return [child];
    walk(child, replaced);
    return replaced(child) ?? [child];
  });
  parent.children = children as typeof parent.children;
}

function walkTexts(parent: Root | Element, known: ReadonlySet<number>): void {
  const children = (parent.children as RootContent[]).flatMap((child): RootContent[] => {
    if (child.type === "text") return split(child.value, known);
    if (child.type === "element" && child.tagName !== "code") walkTexts(child, known);
    return [child];
  });
  parent.children = children as typeof parent.children;
}

function split(text: string, known: ReadonlySet<number>): ElementContent[] {
  const parts: ElementContent[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKER)) {
    if (!known.has(Number(match[1]))) continue;
    parts.push(word(text.slice(from, match.index)));
    parts.push({ type: "element", tagName: "sup", properties: {}, children: [word(match[1] ?? "")] });
    from = match.index + match[0].length;
  }
  return [...parts, word(text.slice(from))].filter((part) => part.type !== "text" || part.value !== "");
}

const word = (value: string): ElementContent => ({ type: "text", value });
