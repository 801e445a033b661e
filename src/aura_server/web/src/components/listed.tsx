import type { ReactNode } from "react";
import { Failure, Skeleton } from "./feedback";

interface ListedProps<Row> {
  /** What is known of the rows so far. */
  readonly query: { readonly error: unknown; readonly isPending: boolean; readonly refetch: () => unknown };
  readonly rows: readonly Row[] | undefined;
  /** What stands there where there is no row. */
  readonly empty?: ReactNode;
  readonly lines?: number;
  readonly children: (rows: readonly Row[]) => ReactNode;
}

/** Rows as they are read: their place is held, a failure is said, and no row is a state of its own. */
export function Listed<Row>({ query, rows, empty, lines = 4, children }: ListedProps<Row>) {
  const { error, isPending, refetch } = query;
  return (
    <>
      {isPending && <Skeleton lines={lines} />}
      {error != null && <Failure error={error} onRetry={() => void refetch()} />}
      {rows?.length === 0 && empty}
      {rows !== undefined && rows.length > 0 && children(rows)}
    </>
  );
}
