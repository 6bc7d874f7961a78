// Where the sidecar serves several databases: how many jobs each has, and all together.
import { api, type ServedDatabase, STATES, type State } from "../../lib/api";
import { chooseDatabase } from "../../lib/database";
import { count, plural } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { span } from "../../lib/time";
import { Button } from "../../ui/button";
import { Badge, Panel } from "../../ui/parts";
import { type Column, Table } from "../../ui/table";

const AGAIN_MS = 10_000;
const UNKNOWN = <span class="muted">–</span>;

type Row = Pick<ServedDatabase, "name" | "status" | "stats"> & { own?: ServedDatabase };

const numbers = (state: State): Column<Row> => ({
    key: state,
    label: state[0]?.toUpperCase() + state.slice(1),
    align: "right",
    cell: ({ stats }) => (stats ? count(stats[state]) : UNKNOWN),
});

const COLUMNS: Column<Row>[] = [
    {
        key: "database",
        label: "Database",
        role: "main",
        cell: ({ own, name, status }) => (
            <span class="row">
                {own ? (
                    <Button small kind="ghost" onClick={() => chooseDatabase(own.default ? "" : own.name)}>
                        <bdi>{name}</bdi>
                    </Button>
                ) : (
                    <b>{name}</b>
                )}
                {status === "unavailable" && (
                    <Badge tone="failed" icon="lost">
                        away
                    </Badge>
                )}
            </span>
        ),
    },
    ...STATES.map(numbers),
    {
        key: "oldest",
        label: "Oldest due",
        align: "right",
        cell: ({ stats }) => (stats?.oldestQueuedAgeSec === undefined ? UNKNOWN : span(stats.oldestQueuedAgeSec)),
    },
];

/** Of those that are there. */
function sumOf(items: readonly ServedDatabase[]): Row {
    const known = items.flatMap(({ stats }) => stats ?? []);
    const ages = known.flatMap(({ oldestQueuedAgeSec }) => oldestQueuedAgeSec ?? []);
    const sums = Object.fromEntries(
        STATES.map(state => [state, known.reduce((sum, stats) => sum + stats[state], 0)]),
    ) as Record<State, number>;
    return {
        name: "All together",
        status: "ok",
        stats: { ...sums, ...(ages.length > 0 && { oldestQueuedAgeSec: Math.max(...ages) }) },
    };
}

export function Databases() {
    const all = useQuery("databases", api.databases);
    const several = (all.data?.count ?? 0) > 1;
    const counted = useQuery(several ? "counted databases" : null, api.countedDatabases, { every: AGAIN_MS });
    if (!counted.data) return null;
    const { items } = counted.data;
    const rows: Row[] = [...items.map(own => ({ ...own, own })), sumOf(items)];
    return (
        <Panel title="Databases" note={`${plural(items.length, "database")}, a click leads there`} flush>
            <Table label="Databases" columns={COLUMNS} rows={rows} keyOf={({ own, name }) => (own ? name : "")} />
        </Panel>
    );
}
