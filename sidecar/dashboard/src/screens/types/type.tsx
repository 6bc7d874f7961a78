// One type: its handler as it is registered, what waits, what became of the last hour's jobs.
import type { ComponentChildren } from "preact";
import { api, type Handler, type JobType } from "../../lib/api";
import { count, perMinute } from "../../lib/format";
import { type Query, useQuery } from "../../lib/query";
import { duration, span } from "../../lib/time";
import { Badge, Code, Fact, Link, PageHead, Panel } from "../../ui/parts";
import { One } from "../../ui/states";
import { Limits } from "./limits";
import { Handled, Pause } from "./list";

const seconds = (value: number | undefined): string => (value === undefined ? "–" : duration(value * 1000));

function HandlerFacts({ handler }: { handler: Handler }) {
    return (
        <dl class="facts">
            <Fact name="Kind">{handler.kind}</Fact>
            <Fact name="Owner">
                <bdi>{handler.owner}</bdi>
            </Fact>
            <Fact name="Timeout">{handler.timeoutSec === undefined ? "none" : seconds(handler.timeoutSec)}</Fact>
            <Fact name="Attempts">{handler.maxAttempts ?? "as the setting says"}</Fact>
            <Fact name="Back-off">
                {handler.backoffSec ? handler.backoffSec.map(seconds).join(", ") : "as the setting says"}
            </Fact>
            <Fact name="Priority">{handler.priority}</Fact>
            {handler.kind !== "external" && <Fact name="In groups">{handler.grouped ? "yes" : "no"}</Fact>}
            {handler.definer && <Fact name="Runs as">its owner</Fact>}
        </dl>
    );
}

function Numbers({ type }: { type: JobType }) {
    const { lastHour, queued, more, running, oldestDueAgeSec } = type;
    const ended = (lastHour?.completed ?? 0) + (lastHour?.failed ?? 0);
    const of = (what: "wait" | "run") =>
        (["P50", "P95", "P99"] as const)
            .map(quantile => lastHour?.[`${what}${quantile}`])
            .map(value => (value === undefined ? "–" : duration(value)))
            .join(" / ");
    return (
        <dl class="facts">
            <Fact name="Queued">
                <Link to="/jobs" query={{ type: type.type, state: "queued" }}>
                    {count(queued)}
                    {more && "+"}
                </Link>
            </Fact>
            <Fact name="Running">{count(running)}</Fact>
            <Fact name="Oldest due">{oldestDueAgeSec === undefined ? "none is due" : span(oldestDueAgeSec)}</Fact>
            <Fact name="Rate, last hour">{perMinute(ended)}</Fact>
            <Fact name="Completed, last hour">{count(lastHour?.completed ?? 0)}</Fact>
            <Fact name="Failed, last hour">{count(lastHour?.failed ?? 0)}</Fact>
            <Fact name="Waited, p50 / p95 / p99">{of("wait")}</Fact>
            <Fact name="Ran, p50 / p95 / p99">{of("run")}</Fact>
        </dl>
    );
}

function Whole({ type, query }: { type: JobType; query: Query<JobType> }): ComponentChildren {
    const name = type.type;
    return (
        <>
            <PageHead
                title={
                    <span class="job-title">
                        <bdi>{name}</bdi>
                        {type.paused && (
                            <Badge tone="warning" icon="pause">
                                paused
                            </Badge>
                        )}
                    </span>
                }
                back={{ to: "/types", label: "Types" }}
            >
                <Link to="/jobs" query={{ type: name }} class="button plain">
                    Its jobs
                </Link>
                <Link to="/" query={{ type: name }} class="button plain">
                    Its figures
                </Link>
                <Pause type={type} done={query.set} />
            </PageHead>
            <Panel title="Now">
                <Numbers type={type} />
            </Panel>
            <Limits type={type} changed={query.set} cleared={query.refetch} />
            <Panel title="Handler" note={<Handled type={type} />}>
                {type.handler ? (
                    <>
                        <HandlerFacts handler={type.handler} />
                        {type.handler.command && <Code block>{type.handler.command}</Code>}
                    </>
                ) : (
                    <p class="muted">
                        Its jobs wait until somebody calls <code>ayb_jobs.register_handler()</code> for it.
                    </p>
                )}
            </Panel>
        </>
    );
}

export function TypeScreen({ name }: { name: string }) {
    const query = useQuery(`type ${name}`, signal => api.types.get(name, signal), {
        live: event => event.type === name,
        throttle: 2000,
        every: 5000,
    });
    return (
        <One query={query} title="Type" all={{ to: "/types", label: "All types" }}>
            {type => <Whole type={type} query={query} />}
        </One>
    );
}
