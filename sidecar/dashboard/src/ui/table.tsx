// A table; where there is no room for one (css), each row is a card that names its cells.
import type { ComponentChildren } from "preact";

export interface Column<T> {
    key: string;
    label: string;
    /** Not shown in the head, but told to a screen reader: for a column of buttons. */
    quiet?: boolean;
    align?: "right";
    /** "main" leads the card; "wide" takes the room that is left. */
    role?: "main" | "wide" | "actions";
    cell: (row: T) => ComponentChildren;
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
}

export function HeadCells<T>({ columns, classOf }: HeadCellsProps<T>) {
    return (
        <>
            {columns.map(column => (
                <th key={column.key} scope="col" class={classOf(column)}>
                    {column.quiet ? <span class="sr-only">{column.label}</span> : column.label}
                </th>
            ))}
        </>
    );
}

export function Table<T>({ label, columns, rows, keyOf, rowClass }: TableProps<T>) {
    return (
        <table class="table" aria-label={label}>
            <thead>
                <tr>
                    <HeadCells columns={columns} classOf={cellClass} />
                </tr>
            </thead>
            <tbody>
                {rows.map(row => (
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
