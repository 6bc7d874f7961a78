// The same by type of job: what was done in the window, how long it took, what waits.
import type { SeriesPoint, Waiting } from "../../lib/api";
import { compact, count } from "../../lib/format";
import { secondsOf, total } from "../../lib/series";
import { duration } from "../../lib/time";
import { Link } from "../../ui/parts";
import { Sparkline } from "../../ui/sparkline";
import { Empty } from "../../ui/states";
import { type Column, Table } from "../../ui/table";

interface TypeRow {
    type: string;
    done: number;
    failed: number;
    wait: number | undefined;
    run: number | undefined;
    line: number[];
}

/** The worst of the steps: what a person looks for. */
const worst = (values: (number | undefined)[]): number | undefined => {
    const known = values.filter(value => value !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
};

function rowOf(type: string, points: SeriesPoint[], times: readonly number[]): TypeRow {
    const sums = total(points);
    const at = new Map(points.map(point => [secondsOf(point), point.completed]));
    return {
        type,
        done: sums.completed,
        failed: sums.failed,
        wait: worst(points.map(point => point.waitP95)),
        run: worst(points.map(point => point.runP95)),
        line: times.slice(0, -1).map(time => at.get(time) ?? 0), // the last is not over yet
    };
}

const MOST = 12;

export function rowsOf(points: readonly SeriesPoint[], times: readonly number[]): TypeRow[] {
    const types = Map.groupBy(points, point => point.type ?? "");
    return [...types]
        .map(([type, some]) => rowOf(type, some, times))
        .sort((a, b) => b.done + b.failed - (a.done + a.failed) || a.type.localeCompare(b.type))
        .slice(0, MOST);
}

const time = (ms: number | undefined) => (ms === undefined ? <span class="muted">–</span> : duration(ms));

const COLUMNS: Column<TypeRow>[] = [
    {
        key: "type",
        label: "Type",
        role: "main",
        sort: row => row.type,
        cell: row => (
            <Link to="/jobs" query={{ type: row.type }}>
                <bdi>{row.type}</bdi>
            </Link>
        ),
    },
    {
        key: "line",
        label: "Over time",
        cell: row => <Sparkline values={row.line} label={`${count(row.done)} completed`} width={120} />,
    },
    { key: "done", label: "Completed", align: "right", sort: row => row.done, cell: row => count(row.done) },
    {
        key: "failed",
        label: "Failed",
        align: "right",
        sort: row => row.failed,
        cell: row =>
            row.failed > 0 ? (
                <Link to="/jobs" query={{ type: row.type, state: "failed" }} class="bad">
                    {count(row.failed)}
                </Link>
            ) : (
                <span class="muted">0</span>
            ),
    },
    { key: "wait", label: "Wait, p95 at worst", align: "right", sort: row => row.wait, cell: row => time(row.wait) },
    { key: "run", label: "Run, p95 at worst", align: "right", sort: row => row.run, cell: row => time(row.run) },
];

export function Types({ points, times }: { points: readonly SeriesPoint[]; times: readonly number[] }) {
    const rows = rowsOf(points, times);
    if (rows.length === 0)
        return (
            <Empty icon="jobs" title="No job ended in this time">
                Choose a longer one above.
            </Empty>
        );
    return <Table label="By type" columns={COLUMNS} rows={rows} keyOf={row => row.type} />;
}

/** Where only one type has more than was looked at, the rest of all is its. */
function known(
    types: readonly Waiting[],
    queued: number | undefined,
): { type: string; queued: number; more: boolean }[] {
    const cut = types.filter(type => type.more);
    const others = types.reduce((sum, type) => sum + (type.more ? 0 : type.queued), 0);
    const [only] = cut;
    return types.map(type =>
        type === only && cut.length === 1 && queued !== undefined && queued - others >= type.queued
            ? { ...type, queued: queued - others, more: false }
            : type,
    );
}

export function QueuedTypes({ types, queued }: { types: readonly Waiting[]; queued: number | undefined }) {
    const rows = known(types, queued)
        .filter(type => type.queued > 0)
        .sort((a, b) => b.queued - a.queued);
    if (rows.length === 0)
        return (
            <Empty icon="check" title="Nothing waits">
                Every job has been taken.
            </Empty>
        );
    const most = Math.max(...rows.map(row => row.queued));
    return (
        <ul class="bars">
            {rows.slice(0, MOST).map(row => (
                <li key={row.type}>
                    <Link to="/jobs" query={{ type: row.type, state: "queued" }} class="bar-name">
                        <bdi>{row.type}</bdi>
                    </Link>
                    <span class="bar-number" title={count(row.queued)}>
                        {compact(row.queued)}
                        {row.more && "+"}
                    </span>
                    <span class="bar" aria-hidden="true">
                        <span style={{ width: `${Math.max(1, (100 * row.queued) / most)}%` }} />
                    </span>
                </li>
            ))}
            {rows.length > MOST && <li class="muted">and {count(rows.length - MOST)} more types</li>}
        </ul>
    );
}
