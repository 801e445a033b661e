import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";
import type { ReactNode } from "react";
import { classes } from "./classes";
import styles from "./table.module.css";

export interface Column<Row> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the end of their cell. */
  readonly numeric?: boolean;
  readonly sortable?: boolean;
  /** Left out where the screen is narrow. */
  readonly secondary?: boolean;
  /** Its head is said but not seen: a column of buttons, say. */
  readonly bare?: boolean;
}

export interface Sorting {
  readonly key: string;
  readonly descending: boolean;
}

interface TableProps<Row> {
  /** What the table is of. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly sorting?: Sorting;
  readonly onSort?: (sorting: Sorting) => void;
  /** Which rows are chosen, where rows can be chosen; `name` says which row a checkbox is of. */
  readonly selection?: {
    readonly chosen: ReadonlySet<string>;
    readonly onChange: (chosen: ReadonlySet<string>) => void;
    readonly name: (row: Row) => string;
    readonly all: string;
  };
}

/** A dense table. It scrolls sideways by itself, never the page. */
export function Table<Row>({ caption, columns, rows, rowKey, sorting, onSort, selection }: TableProps<Row>) {
  const keys = rows.map(rowKey);
  const allChosen = selection !== undefined && keys.length > 0 && keys.every((key) => selection.chosen.has(key));
  return (
    <section className={styles.frame} aria-label={caption} tabIndex={0}>
      <table className={styles.table}>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {selection && (
              <th scope="col" className={styles.choice}>
                <input
                  type="checkbox"
                  aria-label={selection.all}
                  checked={allChosen}
                  onChange={() => selection.onChange(new Set(allChosen ? [] : keys))}
                />
              </th>
            )}
            {columns.map((column) => (
              <Head key={column.key} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)} className={selection?.chosen.has(rowKey(row)) ? styles.chosen : undefined}>
              {selection && (
                <td className={styles.choice}>
                  <input
                    type="checkbox"
                    aria-label={selection.name(row)}
                    checked={selection.chosen.has(rowKey(row))}
                    onChange={() => selection.onChange(toggled(selection.chosen, rowKey(row)))}
                  />
                </td>
              )}
              {columns.map((column) => (
                <td key={column.key} className={placed(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly sorting?: Sorting;
  readonly onSort?: (sorting: Sorting) => void;
}

function Head<Row>({ column, sorting, onSort }: HeadProps<Row>) {
  const here = sorting?.key === column.key ? sorting : undefined;
  const Icon = here === undefined ? ChevronsUpDown : here.descending ? ArrowDown : ArrowUp;
  const word = column.bare ? <span className="visually-hidden">{column.head}</span> : column.head;
  return (
    <th scope="col" className={placed(column)} aria-sort={here && (here.descending ? "descending" : "ascending")}>
      {column.sortable && onSort ? (
        <button
          type="button"
          className={styles.sort}
          onClick={() => onSort({ key: column.key, descending: here !== undefined && !here.descending })}
        >
          {word}
          <Icon size={14} aria-hidden />
        </button>
      ) : (
        word
      )}
    </th>
  );
}

function placed<Row>(column: Column<Row>): string {
  return classes(column.numeric && styles.numeric, column.secondary && styles.secondary);
}

function toggled(chosen: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(key)) next.add(key);
  return next;
}
