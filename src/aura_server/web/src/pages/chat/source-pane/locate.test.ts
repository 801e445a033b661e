import { expect, test } from "vitest";
import { locate, unitsOf } from "./locate";

/** What is marked, piece by piece. */
function marked(pieces: string[], quote: string): string[] {
  return locate(pieces, quote).map(({ index, from, to }) => (pieces[index] ?? "").slice(from, to));
}

test("a quote is found over lines, whatever their spaces, hyphens and ligatures are", () => {
  const page = ["§ 4 Returns", "Goods may be re-", "turned within 47 days, if", " the ofﬁce agrees."];
  const quote = "Goods may be returned\nwithin 47 days, if the office agrees.";
  expect(marked(page, quote)).toEqual(["Goods may be re", "turned within 47 days, if", "the ofﬁce agrees"]);
});

test("a quote that goes on overleaf is found by its beginning, and overleaf by its end", () => {
  const quote = "The warranty covers faults in the seams. It ends after five years in use.";
  expect(marked(["Intro", "The warranty covers faults in the seams."], quote)).toEqual([
    "The warranty covers faults in the seams",
  ]);
  expect(marked(["It ends after five years in use. Next."], quote)).toEqual(["It ends after five years in use"]);
});

test("what the page does not have is not marked", () => {
  expect(marked(["Something else entirely stands here."], "Goods may be returned within 47 days.")).toEqual([]);
  expect(marked(["Goods"], "…")).toEqual([]);
});

test("offsets count code points, as the server's do", () => {
  const text = "😀 a 😀 passage";
  expect(text.slice(unitsOf(text, 6))).toBe("passage");
  expect(unitsOf("short", 99)).toBe(5);
});
