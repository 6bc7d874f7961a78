// Where the boxes of the dependency picture stand: what is read left of what reads it.
import type { Dependency } from "../../lib/api";

export interface Box {
    name: string; // schema.view
    column: number;
    row: number;
}

export interface Graph {
    boxes: Box[];
    lines: { from: Box; to: Box }[];
    columns: number;
    rows: number;
}

export const nameOf = (schema: string, view: string): string => `${schema}.${view}`;

/** How many views there are below each, at the longest way; a circle ends where it began. */
function depths(reads: Map<string, string[]>): Map<string, number> {
    const known = new Map<string, number>();
    const depth = (name: string, seen: ReadonlySet<string>): number => {
        const already = known.get(name);
        if (already !== undefined) return already;
        if (seen.has(name)) return 0;
        const below = (reads.get(name) ?? []).map(other => depth(other, new Set([...seen, name])) + 1);
        const deepest = Math.max(0, ...below);
        known.set(name, deepest);
        return deepest;
    };
    for (const name of reads.keys()) depth(name, new Set());
    return known;
}

/** Puts each box as near as there is room to the middle of what it reads. */
function place(column: number, names: string[], reads: Map<string, string[]>, boxes: Map<string, Box>): void {
    const middle = (name: string): number => {
        const rows = (reads.get(name) ?? []).map(read => boxes.get(read)?.row ?? 0);
        return rows.length > 0 ? rows.reduce((sum, row) => sum + row, 0) / rows.length : 0;
    };
    const wanted = names.map(name => ({ name, row: middle(name) }));
    wanted.sort((a, b) => a.row - b.row || a.name.localeCompare(b.name));
    let free = 0;
    for (const { name, row } of wanted) {
        boxes.set(name, { name, column, row: Math.max(row, free) });
        free = Math.max(row, free) + 1;
    }
}

/** Only views that read or are read have a box. */
export function layout(dependencies: readonly Dependency[]): Graph {
    const reads = new Map<string, string[]>();
    for (const { schemaName, viewName, readsSchema, readsView } of dependencies) {
        const reader = nameOf(schemaName, viewName);
        const read = nameOf(readsSchema, readsView);
        reads.set(reader, [...(reads.get(reader) ?? []), read]);
        if (!reads.has(read)) reads.set(read, []);
    }
    const boxes = new Map<string, Box>();
    const columns = Map.groupBy(depths(reads), ([, depth]) => depth);
    for (let column = 0; column < columns.size; column++)
        place(
            column,
            (columns.get(column) ?? []).map(([name]) => name),
            reads,
            boxes,
        );
    const lines = [...reads].flatMap(([reader, some]) =>
        some.map(read => ({ from: boxes.get(read) as Box, to: boxes.get(reader) as Box })),
    );
    return {
        boxes: [...boxes.values()],
        lines,
        columns: columns.size,
        rows: Math.max(0, ...[...boxes.values()].map(box => box.row + 1)),
    };
}
