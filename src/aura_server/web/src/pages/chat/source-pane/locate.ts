/** Where a quote stands in the pieces of text that a page is made of. */

export interface Piece {
  /** Which piece of the page. */
  readonly index: number;
  /** From and to which of its characters. */
  readonly from: number;
  readonly to: number;
}

const LEAST_CHARACTERS = 12;

/** The parts of `pieces` that hold `quote`; none where the page does not have it.
 *
 * A page's own text differs from the document's in spaces, hyphens and ligatures, so letters and digits alone are compared. A
 * quote that begins or ends on another page is found by the part of it that is here.
 */
export function locate(pieces: readonly string[], quote: string): readonly Piece[] {
  const { text, at } = reduced(pieces);
  const wanted = reduced([quote]).text;
  if (wanted === "") return [];
  const found = whole(text, wanted) ?? tail(text, wanted) ?? head(text, wanted);
  if (found === null) return [];
  const parts = new Map<number, { from: number; to: number }>();
  for (const { piece, character } of at.slice(found.from, found.to)) {
    const part = parts.get(piece);
    if (part === undefined) parts.set(piece, { from: character, to: character + 1 });
    else part.to = character + 1;
  }
  return [...parts].map(([index, part]) => ({ index, ...part }));
}

/** The place in UTF-16 units of what stands `offset` code points into `text`: the server counts code points. */
export function unitsOf(text: string, offset: number): number {
  let units = 0;
  for (let points = 0; points < offset && units < text.length; points += 1) {
    units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  }
  return units;
}

type Found = { readonly from: number; readonly to: number } | null;

function whole(text: string, wanted: string): Found {
  const from = text.indexOf(wanted);
  return from < 0 ? null : { from, to: from + wanted.length };
}

/** The quote begins here and goes on elsewhere: its longest beginning that the page ends with, or has. */
function tail(text: string, wanted: string): Found {
  for (let length = wanted.length - 1; length >= LEAST_CHARACTERS; length -= 1) {
    const from = text.lastIndexOf(wanted.slice(0, length));
    if (from >= 0) return { from, to: from + length };
  }
  return null;
}

/** The quote began elsewhere and ends here. */
function head(text: string, wanted: string): Found {
  for (let length = wanted.length - 1; length >= LEAST_CHARACTERS; length -= 1) {
    const from = text.indexOf(wanted.slice(-length));
    if (from >= 0) return { from, to: from + length };
  }
  return null;
}

function reduced(pieces: readonly string[]) {
  let text = "";
  const at: { piece: number; character: number }[] = [];
  pieces.forEach((piece, index) => {
    for (let character = 0; character < piece.length; character += 1) {
      const plain = (piece[character] ?? "").normalize("NFKD").replace(/[^\p{L}\p{N}]/gu, "").toLowerCase(); // biome-ignore format: one step after the other
      for (let each = 0; each < plain.length; each += 1) at.push({ piece: index, character });
      text += plain;
    }
  });
  return { text, at };
}
