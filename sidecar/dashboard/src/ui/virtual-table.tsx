// A table of any length, of which only what is in the window exists. All rows are equally high.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Column, cellClass, HeadCells, sorted, useOrder } from "./table";

const BEYOND = 12; // rows above and below the window

interface VirtualTableProps<T> {
    label: string;
    columns: Column<T>[];
    rows: readonly T[];
    keyOf: (row: T) => string;
    rowClass?: (row: T) => string;
    height: number; // of a row
    more: boolean; // whether it goes on behind the last row
    onEnd: () => void;
}

function useRange(count: number, height: number) {
    const body = useRef<HTMLTableSectionElement>(null);
    const [range, setRange] = useState<[number, number]>([0, 40]);
    useLayoutEffect(() => {
        let frame = 0;
        const measure = () => {
            frame = 0;
            const top = body.current?.getBoundingClientRect().top ?? 0;
            const first = Math.max(0, Math.floor(-top / height) - BEYOND);
            const end = Math.max(0, Math.ceil((window.innerHeight - top) / height) + BEYOND);
            setRange(old => (old[0] === first && old[1] === end ? old : [first, end]));
        };
        const soon = () => {
            frame ||= requestAnimationFrame(measure);
        };
        measure();
        window.addEventListener("scroll", soon, { passive: true });
        window.addEventListener("resize", soon);
        return () => {
            cancelAnimationFrame(frame);
            window.removeEventListener("scroll", soon);
            window.removeEventListener("resize", soon);
        };
    }, [height, count === 0]);
    const end = Math.min(count, range[1]);
    return { body, first: Math.min(range[0], end), end };
}

/** The arrows go up and down in a column of controls. */
function onArrow(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const from = event.target as HTMLElement;
    const cell = from.closest("td");
    const row = cell?.parentElement;
    const next = event.key === "ArrowDown" ? row?.nextElementSibling : row?.previousElementSibling;
    const at = Array.from(row?.children ?? []).indexOf(cell as HTMLElement);
    const target = next?.children[at]?.querySelector<HTMLElement>("a, button, input");
    if (!target) return;
    event.preventDefault();
    target.focus();
}

const keyedClass = <T,>(column: Column<T>): string => [column.key, cellClass(column)].filter(Boolean).join(" ");

/** Stands for the rows that aren't made. */
const Space = ({ height }: { height: number }) =>
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can be focused
    height > 0 ? <tr aria-hidden="true" class="space" style={{ height: `${height}px` }} /> : null;

export function VirtualTable<T>(props: VirtualTableProps<T>) {
    const { label, columns, keyOf, rowClass, height, more, onEnd } = props;
    const [order, turn] = useOrder();
    const rows = useMemo(() => sorted(props.rows, columns, order), [props.rows, order]);
    const { body, first, end } = useRange(rows.length, height);
    useEffect(() => {
        if (more && end === rows.length) onEnd();
    }, [more, end, rows.length, onEnd]);
    return (
        <table class="table virtual" aria-label={label} aria-rowcount={more ? -1 : rows.length + 1}>
            <colgroup>
                {columns.map(column => (
                    <col key={column.key} class={column.key} />
                ))}
            </colgroup>
            <thead>
                <tr aria-rowindex={1}>
                    <HeadCells columns={columns} classOf={keyedClass} order={order} turn={turn} />
                </tr>
            </thead>
            <tbody ref={body} onKeyDown={onArrow}>
                <Space height={first * height} />
                {rows.slice(first, end).map((row, at) => (
                    <tr
                        key={keyOf(row)}
                        class={rowClass?.(row) ?? ""}
                        aria-rowindex={first + at + 2}
                        style={{ height: `${height}px` }}
                    >
                        {columns.map(column => (
                            <td key={column.key} class={keyedClass(column)}>
                                {column.cell(row)}
                            </td>
                        ))}
                    </tr>
                ))}
                <Space height={(rows.length - end) * height} />
            </tbody>
        </table>
    );
}
