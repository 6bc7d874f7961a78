// One flow: its jobs in the order in which they can run, and what each waits for.
import type { ComponentType } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, type Step, type WholeFlow } from "../../lib/api";
import { type FlowShape, shapeOf } from "../../lib/flow-steps";
import { count, plural, shortId } from "../../lib/format";
import { type Query, useQuery } from "../../lib/query";
import { toast } from "../../lib/toast";
import { Button } from "../../ui/button";
import { ask } from "../../ui/dialog";
import { Ago, Badge, Fact, JobBadge, Link, PageHead, Panel } from "../../ui/parts";
import { One } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { FlowBadge } from "./list";

const GONE = <Badge>gone</Badge>;

function StepState({ step }: { step: Step }) {
    if (step.state === "gone") return GONE;
    return <JobBadge job={{ state: step.state, phase: (step.phase ?? step.state) as never }} />;
}

function After({ step }: { step: Step }) {
    const { dependsOn } = step;
    if (!dependsOn || dependsOn.length === 0) return <span class="muted">–</span>;
    return <bdi>{dependsOn[0] === "*" ? "all others" : dependsOn.join(", ")}</bdi>;
}

const COLUMNS: Column<Step>[] = [
    {
        key: "step",
        label: "Step",
        role: "main",
        sort: step => step.name ?? "",
        cell: step => (
            <span class="stack">
                <span>
                    <Link to={`/jobs/${step.jobId}`} class="strong">
                        <bdi>{step.name ?? shortId(step.jobId)}</bdi>
                    </Link>{" "}
                    <bdi class="muted">{step.type}</bdi>
                </span>
                {step.lastError && <bdi class="job-line error">{step.lastError}</bdi>}
            </span>
        ),
    },
    { key: "state", label: "State", sort: step => step.phase ?? step.state, cell: step => <StepState step={step} /> },
    { key: "after", label: "After", role: "wide", cell: step => <After step={step} /> },
    { key: "when", label: "When", align: "right", cell: step => <Ago at={step.completedAt ?? step.runAt} /> },
];

function change(flow: WholeFlow, verb: "cancel" | "retry", done: () => void): void {
    const cancel = verb === "cancel";
    const number = cancel ? flow.waiting + flow.queued : flow.failed;
    ask({
        title: `${cancel ? "Cancel" : "Retry"} ${plural(number, cancel ? "queued job" : "failed job")} of this flow?`,
        text: (
            <p>
                {cancel
                    ? "They will not run. Those that run go on to their end."
                    : "They run again with all their attempts, and what waits for them goes on."}
            </p>
        ),
        action: cancel ? "Cancel them" : "Retry them",
        leave: cancel ? "Keep them" : "Leave them",
        danger: cancel,
        run: () =>
            api.flows.change(flow.id, verb).then(({ changed }) => {
                toast.done(`${plural(changed, "job")} ${cancel ? "canceled" : "retried"}`);
                done();
            }),
    });
}

/** The module that draws, once it has come. */
function useDrawing(wanted: boolean): ComponentType<{ shape: FlowShape }> | undefined {
    const [Drawing, setDrawing] = useState<ComponentType<{ shape: FlowShape }>>();
    useEffect(() => {
        if (!wanted) return;
        let here = true;
        // Without it there are the steps in their table.
        import("./graph").then(
            ({ FlowGraph }) => here && setDrawing(() => FlowGraph),
            () => undefined,
        );
        return () => {
            here = false;
        };
    }, [wanted]);
    return Drawing;
}

function Picture({ steps }: { steps: readonly Step[] }) {
    const shape = useMemo(() => shapeOf(steps), [steps]);
    const Drawing = useDrawing(shape !== undefined);
    if (!shape || !Drawing) return null;
    return (
        <Panel title="Graph" note="each right of those that it waits for">
            <Drawing shape={shape} />
        </Panel>
    );
}

function Whole({ flow, query }: { flow: WholeFlow; query: Query<WholeFlow> }) {
    const ended = flow.completed + flow.failed + flow.canceled;
    return (
        <>
            <PageHead
                title={
                    <span class="job-title">
                        <bdi>{flow.name ?? "Flow"}</bdi> <FlowBadge state={flow.state} />
                    </span>
                }
                back={{ to: "/flows", label: "Flows" }}
            >
                {flow.failed > 0 && (
                    <Button
                        kind="primary"
                        icon="retry"
                        right="operate"
                        onClick={() => change(flow, "retry", query.refetch)}
                    >
                        Retry failed
                    </Button>
                )}
                {flow.waiting + flow.queued > 0 && (
                    <Button icon="stop" right="operate" onClick={() => change(flow, "cancel", query.refetch)}>
                        Cancel
                    </Button>
                )}
            </PageHead>
            <section class="panel" aria-label="Facts">
                <dl class="facts">
                    <Fact name="Id">
                        <code>{flow.id}</code>
                    </Fact>
                    <Fact name="Enqueued by">
                        <bdi>{flow.enqueuedBy}</bdi>
                    </Fact>
                    <Fact name="Made">
                        <Ago at={flow.createdAt} />
                    </Fact>
                    <Fact name="Ended">{flow.endedAt ? <Ago at={flow.endedAt} /> : "not yet"}</Fact>
                    <Fact name="Jobs">
                        {count(ended)} of {count(flow.jobs)} ended
                    </Fact>
                    <Fact name="Waiting, running, failed">
                        {count(flow.waiting)}, {count(flow.running)}, {count(flow.failed)}
                    </Fact>
                </dl>
            </section>
            <Picture steps={flow.steps ?? []} />
            <Panel title="Steps" note="each behind those that it waits for" flush>
                <Table label="Steps" columns={COLUMNS} rows={flow.steps ?? []} keyOf={({ jobId }) => jobId} />
            </Panel>
        </>
    );
}

export function FlowScreen({ id }: { id: string }) {
    const query = useQuery(`flow ${id}`, signal => api.flows.get(id, signal), {
        live: true,
        throttle: 1000,
        every: 10_000,
    });
    return (
        <One query={query} title="Flow" all={{ to: "/flows", label: "All flows" }}>
            {flow => <Whole flow={flow} query={query} />}
        </One>
    );
}
