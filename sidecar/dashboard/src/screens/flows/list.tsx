// The flows: jobs that wait for each other, with how far each has come.
import { api, type Flow } from "../../lib/api";
import { count, shortId } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { setQuery, useLocation } from "../../lib/router";
import { instantOf } from "../../lib/time";
import { Button } from "../../ui/button";
import { Ago, Badge, Link, PageHead, Panel, type Tone } from "../../ui/parts";
import { Empty, Show } from "../../ui/states";
import { type Column, Table } from "../../ui/table";

const TONES: Record<Flow["state"], Tone> = {
    running: "running",
    standing: "warning",
    failed: "failed",
    canceled: "canceled",
    completed: "completed",
};

const TITLES: Partial<Record<Flow["state"], string>> = {
    standing: "jobs wait for failed ones, and nothing else is to be done",
};

export function FlowBadge({ state }: { state: Flow["state"] }) {
    return (
        <Badge tone={TONES[state]} icon={state === "completed" ? "check" : state === "running" ? "play" : "warning"}>
            <span title={TITLES[state]}>{state}</span>
        </Badge>
    );
}

const COLUMNS: Column<Flow>[] = [
    {
        key: "flow",
        label: "Flow",
        role: "main",
        sort: flow => flow.name ?? flow.id,
        cell: flow => (
            <Link to={`/flows/${flow.id}`} class="strong">
                {flow.name ? <bdi>{flow.name}</bdi> : <code>{shortId(flow.id)}</code>}
            </Link>
        ),
    },
    { key: "state", label: "State", sort: flow => flow.state, cell: flow => <FlowBadge state={flow.state} /> },
    {
        key: "done",
        label: "Completed",
        align: "right",
        sort: flow => flow.completed,
        cell: flow => `${count(flow.completed)} of ${count(flow.jobs)}`,
    },
    { key: "waiting", label: "Waiting", align: "right", sort: flow => flow.waiting, cell: flow => count(flow.waiting) },
    { key: "running", label: "Running", align: "right", sort: flow => flow.running, cell: flow => count(flow.running) },
    {
        key: "failed",
        label: "Failed",
        align: "right",
        sort: flow => flow.failed,
        cell: flow => (flow.failed ? <span class="bad">{count(flow.failed)}</span> : <span class="muted">0</span>),
    },
    {
        key: "created",
        label: "Made",
        sort: flow => instantOf(flow.createdAt),
        cell: flow => <Ago at={flow.createdAt} />,
    },
];

export function FlowList() {
    const cursor = useLocation().query.get("before") ?? "";
    const flows = useQuery(`flows ${cursor}`, signal => api.flows.list(cursor, signal), {
        live: true,
        throttle: 1000,
        every: 15_000,
    });
    const next = flows.data?.nextCursor;
    return (
        <>
            <PageHead title="Flows" />
            <Panel title="Flows" note="the newest first" flush>
                <Show
                    query={flows}
                    empty={({ count: number }) =>
                        number === 0 && (
                            <Empty icon="flows" title={cursor ? "There are no older flows" : "No flow yet"}>
                                <code>SELECT ayb_jobs.enqueue_flow(…);</code>
                            </Empty>
                        )
                    }
                >
                    {({ items }) => <Table label="Flows" columns={COLUMNS} rows={items} keyOf={({ id }) => id} />}
                </Show>
                {(cursor || next) && (
                    <div class="list-foot">
                        {cursor && <Button onClick={() => setQuery({ before: null })}>The newest</Button>}
                        {next && <Button onClick={() => setQuery({ before: next })}>Older ones</Button>}
                    </div>
                )}
            </Panel>
        </>
    );
}
