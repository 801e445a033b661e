interface Piece<T> {
  readonly items: readonly T[];
  readonly next_cursor?: string | null;
}

/** Everything of a list that comes in pieces, up to `most` items: `allOf((cursor) => dataOf(api.GET(…)))`. */
export async function allOf<T>(piece: (cursor?: string) => Promise<Piece<T>>, most = 10_000): Promise<readonly T[]> {
  const found: T[] = [];
  let cursor: string | null | undefined;
  do {
    const { items, next_cursor } = await piece(cursor ?? undefined);
    found.push(...items);
    cursor = next_cursor;
  } while (cursor && found.length < most);
  return found;
}
