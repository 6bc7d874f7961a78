// The types of jobs: who handles each, what waits, what became of the last hour's, and whether it is paused.
import { api, type Handler, type JobType } from "../../lib/api";
import { count, plural, rate } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { duration, span } from "../../lib/time";
import { toast } from "../../lib/toast";
import { ActionButton } from "../../ui/button";
import { Badge, Link, PageHead, Panel } from "../../ui/parts";
import { Empty, Show } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { held, limitWords } from "./limits";

/** "public.send_mail", "a command", "workers outside". */
export function handlerWords({ kind, functionSchema, functionName }: Handler): string {
    if (kind === "function") return `${functionSchema}.${functionName}`;
    return kind === "command" ? "a command" : "workers outside";
}

const NOTHING = <span class="muted">–</span>;
const ms = (value: number | undefined) => (value === undefined ? NOTHING : duration(value));

export function Pause({ type, done }: { type: JobType; done: (changed: JobType) => void }) {
    const { paused, type: name } = type;
    return (
        <ActionButton
            small
            icon={paused ? "play" : "pause"}
            right="operate"
            title={paused ? `Let jobs of ${name} start again` : `No further job of ${name} starts`}
            action={() =>
                (paused ? api.types.resume(name) : api.types.pause(name)).then(changed => {
                    toast.done(`${name} is ${paused ? "resumed" : "paused"}`);
                    done(changed);
                })
            }
        >
            {paused ? "Resume" : "Pause"}
        </ActionButton>
    );
}

export function Handled({ type }: { type: JobType }) {
    if (type.handler) return <bdi>{handlerWords(type.handler)}</bdi>;
    return (
        <Badge tone="warning" icon="warning">
            no handler
        </Badge>
    );
}

const endedOf = ({ lastHour }: JobType): number => (lastHour?.completed ?? 0) + (lastHour?.failed ?? 0);

const columns = (changed: () => void): Column<JobType>[] => [
    {
        key: "type",
        label: "Type",
        role: "main",
        sort: row => row.type,
        cell: row => (
            <span class="row type-name">
                <Link to={`/types/${encodeURIComponent(row.type)}`} class="strong">
                    <bdi>{row.type}</bdi>
                </Link>
                {row.paused && (
                    <Badge tone="warning" icon="pause">
                        paused
                    </Badge>
                )}
            </span>
        ),
    },
    {
        key: "handler",
        label: "Handler, limit",
        role: "wide",
        sort: row => (row.handler ? handlerWords(row.handler) : ""),
        cell: row => (
            <span class="stack">
                <span>
                    <Handled type={row} />
                </span>
                {row.limit && (
                    <span class="row">
                        <span class="muted">{limitWords(row.limit)}</span>
                        {held(row.limit) && (
                            <Badge tone="warning" icon="pause">
                                full
                            </Badge>
                        )}
                    </span>
                )}
            </span>
        ),
    },
    {
        key: "queued",
        label: "Queued",
        align: "right",
        sort: row => row.queued,
        cell: row => (
            <Link to="/jobs" query={{ type: row.type, state: "queued" }}>
                {count(row.queued)}
                {row.more && "+"}
            </Link>
        ),
    },
    { key: "running", label: "Running", align: "right", sort: row => row.running, cell: row => count(row.running) },
    {
        key: "due",
        label: "Oldest due",
        align: "right",
        sort: row => row.oldestDueAgeSec,
        cell: row => (row.oldestDueAgeSec === undefined ? NOTHING : span(row.oldestDueAgeSec)),
    },
    {
        key: "rate",
        label: "A minute, 1 h",
        align: "right",
        sort: row => endedOf(row),
        cell: row => rate(endedOf(row) / 60),
    },
    {
        key: "completed",
        label: "Completed, 1 h",
        align: "right",
        sort: row => row.lastHour?.completed ?? 0,
        cell: row => count(row.lastHour?.completed ?? 0),
    },
    {
        key: "failed",
        label: "Failed, 1 h",
        align: "right",
        sort: row => row.lastHour?.failed ?? 0,
        cell: row =>
            row.lastHour?.failed ? (
                <Link to="/jobs" query={{ type: row.type, state: "failed" }} class="bad">
                    {count(row.lastHour.failed)}
                </Link>
            ) : (
                <span class="muted">0</span>
            ),
    },
    {
        key: "wait",
        label: "Wait, p95",
        align: "right",
        sort: row => row.lastHour?.waitP95,
        cell: row => ms(row.lastHour?.waitP95),
    },
    {
        key: "run",
        label: "Run, p95",
        align: "right",
        sort: row => row.lastHour?.runP95,
        cell: row => ms(row.lastHour?.runP95),
    },
    {
        key: "actions",
        label: "Actions",
        quiet: true,
        role: "actions",
        cell: row => <Pause type={row} done={changed} />,
    },
];

export function TypeList() {
    const types = useQuery("all types", api.types.list, { live: true, throttle: 3000, every: 10_000 });
    return (
        <>
            <PageHead title="Types" />
            <Panel title="All types" note={types.data && plural(types.data.count, "type")} flush>
                <Show
                    query={types}
                    empty={({ count: number }) =>
                        number === 0 && (
                            <Empty icon="types" title="No type yet">
                                A type is there from its first job or its handler on.
                            </Empty>
                        )
                    }
                >
                    {({ items }) => (
                        <Table label="Types" columns={columns(types.refetch)} rows={items} keyOf={({ type }) => type} />
                    )}
                </Show>
            </Panel>
        </>
    );
}
