// Who runs what since when, in the server and outside of it; and the lanes, one a role, with what keeps one from being served.
import { api, type Lane, type Worker } from "../lib/api";
import { count, plural, shortId } from "../lib/format";
import { useQuery } from "../lib/query";
import { Button } from "../ui/button";
import { Ago, Badge, Link, PageHead, Panel, ProgressBar, Since } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { type Column, Table } from "../ui/table";
import { confirmCancel } from "./jobs/cancel";

const runningJob = ({ jobId = "", type = "" }: Worker) => ({ id: jobId, type, running: true });

const workerColumns = (changed: () => void): Column<Worker>[] => [
    {
        key: "worker",
        label: "Worker",
        role: "main",
        cell: worker => (
            <>
                <span class="strong">{worker.pid}</span> <bdi class="muted">{worker.role}</bdi>
            </>
        ),
    },
    {
        key: "state",
        label: "State",
        cell: worker => (
            <Badge tone={worker.jobId ? "running" : "plain"} icon={worker.jobId ? "play" : "pause"}>
                {worker.state}
            </Badge>
        ),
    },
    {
        key: "job",
        label: "Job",
        role: "wide",
        cell: worker =>
            worker.jobId ? (
                <span class="stack">
                    <span>
                        <Link to={`/jobs/${worker.jobId}`}>
                            <bdi>{worker.type}</bdi>
                        </Link>{" "}
                        <code class="muted">{shortId(worker.jobId)}</code>
                        {worker.attempt !== undefined && worker.attempt > 1 && (
                            <span class="muted"> attempt {worker.attempt}</span>
                        )}
                    </span>
                    {worker.percent !== undefined && <ProgressBar percent={worker.percent} note={worker.note} />}
                </span>
            ) : (
                <span class="muted">–</span>
            ),
    },
    { key: "since", label: "For", cell: worker => <Since at={worker.jobSince ?? worker.since} /> },
    {
        key: "wait",
        label: "Waits for",
        cell: worker =>
            worker.waitEvent ? (
                <code title={worker.waitEventType}>{worker.waitEvent}</code>
            ) : (
                <span class="muted">–</span>
            ),
    },
    {
        key: "actions",
        label: "Actions",
        quiet: true,
        role: "actions",
        cell: worker =>
            worker.jobId && (
                <Button small icon="stop" right="operate" onClick={() => confirmCancel(runningJob(worker), changed)}>
                    Cancel
                </Button>
            ),
    },
];

const OUTSIDE_COLUMNS: Column<Worker>[] = [
    {
        key: "worker",
        label: "Worker",
        role: "main",
        cell: worker => (
            <>
                <bdi class="strong">{worker.workerId ?? `session ${worker.pid}`}</bdi>{" "}
                <bdi class="muted">{worker.role}</bdi>
            </>
        ),
    },
    {
        key: "state",
        label: "State",
        cell: worker => (
            <Badge tone={worker.jobs > 0 ? "running" : "plain"} icon={worker.jobs > 0 ? "play" : "pause"}>
                {worker.state}
            </Badge>
        ),
    },
    {
        key: "types",
        label: "Types",
        role: "wide",
        cell: worker => <bdi>{worker.types?.join(", ") ?? "more than 32"}</bdi>,
    },
    {
        key: "jobs",
        label: "Jobs held",
        align: "right",
        sort: worker => worker.jobs,
        cell: worker =>
            worker.jobId ? (
                <>
                    {count(worker.jobs)}{" "}
                    <Link to={`/jobs/${worker.jobId}`}>
                        <code title="the one that it has had longest">{shortId(worker.jobId)}</code>
                    </Link>
                </>
            ) : (
                <span class="muted">–</span>
            ),
    },
    { key: "since", label: "For", cell: worker => <Since at={worker.since} /> },
    {
        key: "lease",
        label: "First lease ends",
        cell: worker => (worker.leaseUntil ? <Ago at={worker.leaseUntil} /> : <span class="muted">–</span>),
    },
    { key: "seen", label: "Last heard of", cell: worker => <Ago at={worker.lastSeenAt} /> },
];

const LANE_COLUMNS: Column<Lane>[] = [
    {
        key: "role",
        label: "Role",
        role: "main",
        sort: lane => lane.role,
        cell: lane => <bdi class="strong">{lane.role}</bdi>,
    },
    {
        key: "trouble",
        label: "Served",
        role: "wide",
        cell: lane =>
            lane.error ? (
                <span class="stack">
                    <Badge tone="failed" icon="warning">
                        not served
                    </Badge>
                    <bdi>{lane.error}</bdi>
                    {lane.retryAt && (
                        <span class="muted">
                            tried again <Ago at={lane.retryAt} />
                        </span>
                    )}
                </span>
            ) : (
                <Badge tone="completed" icon="check">
                    yes
                </Badge>
            ),
    },
    { key: "workers", label: "Workers", align: "right", sort: lane => lane.workers, cell: lane => count(lane.workers) },
    { key: "running", label: "Running", align: "right", sort: lane => lane.running, cell: lane => count(lane.running) },
    { key: "queued", label: "Queued", align: "right", sort: lane => lane.queued, cell: lane => count(lane.queued) },
    {
        key: "due",
        label: "Next due",
        align: "right",
        cell: lane => (lane.queued > 0 ? <Ago at={lane.dueAt} /> : <span class="muted">–</span>),
    },
];

const nameOf = ({ pid, workerId, role, since }: Worker): string => [pid, workerId, role, since].join(" ");

/** Programs that claim jobs: those that hold some, or wait for one. */
function Outside({ workers }: { workers: Worker[] }) {
    const held = workers.reduce((sum, worker) => sum + worker.jobs, 0);
    return (
        <Panel title="Workers outside" note={`${plural(held, "job")} held`} flush>
            <Table
                label="Workers outside"
                columns={OUTSIDE_COLUMNS}
                rows={[...workers].sort((a, b) => b.jobs - a.jobs || a.since.localeCompare(b.since))}
                keyOf={nameOf}
            />
        </Panel>
    );
}

const busyFirst = (a: Worker, b: Worker): number =>
    Number(Boolean(b.jobId)) - Number(Boolean(a.jobId)) || (a.jobSince ?? a.since).localeCompare(b.jobSince ?? b.since);

export function Workers() {
    const options = { live: true, every: 2000, throttle: 1000 };
    const workers = useQuery("workers", api.workers, options);
    const lanes = useQuery("lanes", api.lanes, options);
    const inside = workers.data?.items.filter(worker => !worker.outside) ?? [];
    const outside = workers.data?.items.filter(worker => worker.outside) ?? [];
    const busy = inside.filter(worker => worker.jobId).length;
    return (
        <>
            <PageHead title="Workers and lanes" note="Who runs what, and for whom." />
            <Panel title="Workers" note={workers.data && `${busy} of ${plural(inside.length, "worker")} busy`} flush>
                <Show
                    query={workers}
                    empty={() =>
                        inside.length === 0 && (
                            <Empty icon="workers" title="No worker runs">
                                They start when a job is due, and leave when there has been nothing to do for a while.
                            </Empty>
                        )
                    }
                >
                    {() => (
                        <Table
                            label="Workers"
                            columns={workerColumns(workers.refetch)}
                            rows={[...inside].sort(busyFirst)}
                            keyOf={worker => worker.workerId ?? ""}
                        />
                    )}
                </Show>
            </Panel>
            {outside.length > 0 && <Outside workers={outside} />}
            <Panel title="Lanes" note="the due jobs of one role, as which they run" flush>
                <Show
                    query={lanes}
                    empty={({ count: number }) =>
                        number === 0 && (
                            <Empty icon="jobs" title="No lane yet">
                                A role's lane is there from its first job on.
                            </Empty>
                        )
                    }
                >
                    {({ items }) => (
                        <Table label="Lanes" columns={LANE_COLUMNS} rows={items} keyOf={lane => lane.role} />
                    )}
                </Show>
            </Panel>
        </>
    );
}
