// A table; where there is no room for one (css), each row is a card that names its cells.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Column<T> {
    key: string;
    label: string;
    /** Not shown in the head, but told to a screen reader: for a column of buttons. */
    quiet?: boolean;
    align?: "right";
    /** "main" leads the card; "wide" takes the room that is left. */
    role?: "main" | "wide" | "actions";
    cell: (row: T) => ComponentChildren;
    /** What its rows are sorted by when one clicks at its head; text or numbers, undefined last. */
    sort?: (row: T) => string | number | undefined;
}

export interface Order {
    key: string;
    down: boolean;
}

/** As they came, or as somebody wants them. */
export function sorted<T>(rows: readonly T[], columns: Column<T>[], order: Order | undefined): readonly T[] {
    const by = columns.find(({ key }) => key === order?.key)?.sort;
    if (!by || !order) return rows;
    const compare = (a: string | number, b: string | number) =>
        typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return [...rows].sort((one, other) => {
        const a = by(one);
        const b = by(other);
        if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
        return order.down ? compare(b, a) : compare(a, b);
    });
}

/** One click sorts up, the next one down, the third puts all back. */
export function useOrder(): [Order | undefined, (key: string) => void] {
    const [order, setOrder] = useState<Order>();
    const turn = (key: string) =>
        setOrder(old => (old?.key !== key ? { key, down: false } : old.down ? undefined : { key, down: true }));
    return [order, turn];
}

interface TableProps<T> {
    label: string;
    columns: Column<T>[];
    rows: readonly T[];
    keyOf: (row: T) => string;
    rowClass?: (row: T) => string;
}

export const cellClass = <T,>(column: Column<T>): string => [column.align, column.role].filter(Boolean).join(" ");

interface HeadCellsProps<T> {
    columns: Column<T>[];
    classOf: (column: Column<T>) => string;
    order: Order | undefined;
    turn: (key: string) => void;
}

function Head<T>({ column, order, turn }: Omit<HeadCellsProps<T>, "columns" | "classOf"> & { column: Column<T> }) {
    if (column.quiet) return <span class="sr-only">{column.label}</span>;
    if (!column.sort) return <>{column.label}</>;
    const mine = order?.key === column.key;
    return (
        <button type="button" class="sort" onClick={() => turn(column.key)}>
            {column.label}
            <span class="sort-mark" aria-hidden="true">
                {mine ? (order?.down ? "▼" : "▲") : ""}
            </span>
        </button>
    );
}

const ariaSort = (key: string, order: Order | undefined) =>
    order?.key !== key ? undefined : order.down ? "descending" : "ascending";

export function HeadCells<T>({ columns, classOf, order, turn }: HeadCellsProps<T>) {
    return (
        <>
            {columns.map(column => (
                <th key={column.key} scope="col" class={classOf(column)} aria-sort={ariaSort(column.key, order)}>
                    <Head column={column} order={order} turn={turn} />
                </th>
            ))}
        </>
    );
}

const FIRST_ROWS = 40; // more than a window shows
const ROWS_A_FRAME = 100;

/** How many rows are made by now: as many as are seen at first, the others once those are painted. */
function useMade(count: number): number {
    const [made, setMade] = useState(FIRST_ROWS);
    useEffect(() => {
        if (made >= count) return;
        let timer = 0;
        const frame = requestAnimationFrame(() => {
            timer = window.setTimeout(() => setMade(made + ROWS_A_FRAME));
        });
        return () => {
            cancelAnimationFrame(frame);
            window.clearTimeout(timer);
        };
    }, [made, count]);
    return made;
}

export function Table<T>({ label, columns, rows, keyOf, rowClass }: TableProps<T>) {
    const [order, turn] = useOrder();
    const made = useMade(rows.length);
    return (
        <table class="table" aria-label={label}>
            <thead>
                <tr>
                    <HeadCells columns={columns} classOf={cellClass} order={order} turn={turn} />
                </tr>
            </thead>
            <tbody>
                {sorted(rows, columns, order)
                    .slice(0, made)
                    .map(row => (
                        <tr key={keyOf(row)} class={rowClass?.(row) ?? ""}>
                            {columns.map(column => (
                                <td
                                    key={column.key}
                                    class={cellClass(column)}
                                    data-label={column.quiet ? undefined : column.label}
                                >
                                    {column.cell(row)}
                                </td>
                            ))}
                        </tr>
                    ))}
            </tbody>
        </table>
    );
}
