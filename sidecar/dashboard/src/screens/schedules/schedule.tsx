// One schedule: what it says, when it comes, what came of it.
import { useState } from "preact/hooks";
import { api, type Preview, type Schedule } from "../../lib/api";
import { shortId } from "../../lib/format";
import { failures } from "../../lib/job";
import { type Query, useQuery } from "../../lib/query";
import { navigate } from "../../lib/router";
import { ActionButton, Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { JsonTree } from "../../ui/json-tree";
import { Ago, JobBadge, Link, PageHead, Panel } from "../../ui/parts";
import { Empty, One, Show } from "../../ui/states";
import { Table } from "../../ui/table";
import { Took, When } from "../jobs/list";
import { confirmRemoval, runNow, Switch } from "./actions";
import { ScheduleForm } from "./form";
import { Instants } from "./instants";
import { failedWords, useRuns } from "./runs";

const SHOWN = 5;
const AGAIN_MS = 15_000;

const OVERLAP: Record<string, string> = {
    skip: "A tick is left out while its last job isn't finished",
    queue: "A tick enqueues another job though the last isn't finished",
};
const MISSED: Record<string, string> = {
    once: "missed ticks are made up for once",
    all: "each missed tick is made up for",
    skip: "missed ticks are let be",
};

function Rule({ schedule, preview }: { schedule: Schedule; preview: Query<Preview> }) {
    return (
        <Panel title="Rule" note={<code>{schedule.cronExpr}</code>}>
            {schedule.lastError && (
                <p class="notice failed" role="alert">
                    <Icon name="warning" /> <bdi>{schedule.lastError}</bdi>
                </p>
            )}
            <Show query={preview} rows={3}>
                {data => (
                    <>
                        <p class="rule-words">{data.description}</p>
                        {!schedule.enabled && (
                            <p class="muted">It is disabled. These are the times at which it would run:</p>
                        )}
                        <Instants preview={data} zone={schedule.timezone} />
                    </>
                )}
            </Show>
            <p class="muted rule-policy">
                {OVERLAP[schedule.overlap ?? ""]}; {MISSED[schedule.missed ?? ""]}. A job has {schedule.maxAttempts}{" "}
                {schedule.maxAttempts === 1 ? "attempt" : "attempts"} and runs as <bdi>{schedule.runAs}</bdi>.
            </p>
        </Panel>
    );
}

function Runs({ schedule }: { schedule: Schedule }) {
    const runs = useRuns(schedule);
    const { lastSkip } = schedule;
    const failed = failures(runs.data?.items ?? []);
    return (
        <Panel title="Last jobs" flush>
            {failed > 0 && (
                <p class="notice failed" role="alert">
                    <Icon name="warning" /> <span>{failedWords(failed)}</span>
                </p>
            )}
            {lastSkip && (
                <p class="notice">
                    <Icon name="info" />
                    <span>
                        The tick of <Ago at={lastSkip.at} /> was left out: <bdi>{lastSkip.reason}</bdi>
                    </span>
                </p>
            )}
            <Show
                query={runs}
                rows={3}
                empty={({ count }) => count === 0 && <Empty icon="clock" title="It has enqueued no job yet" />}
            >
                {({ items }) => (
                    <Table
                        label="Last jobs"
                        rows={items}
                        keyOf={job => job.id}
                        columns={[
                            { key: "state", label: "State", cell: job => <JobBadge job={job} /> },
                            {
                                key: "job",
                                label: "Job",
                                role: "main",
                                cell: job => (
                                    <span class="row">
                                        <Link to={`/jobs/${job.id}`}>
                                            <code>{shortId(job.id)}</code>
                                        </Link>
                                        {!job.scheduledAt && <span class="muted">run by hand</span>}
                                    </span>
                                ),
                            },
                            { key: "tick", label: "Tick", cell: job => <Ago at={job.scheduledAt ?? job.createdAt} /> },
                            { key: "when", label: "When", cell: job => <When job={job} /> },
                            { key: "took", label: "Took", align: "right", cell: job => <Took job={job} /> },
                        ]}
                    />
                )}
            </Show>
        </Panel>
    );
}

function Whole({ schedule, query }: { schedule: Schedule; query: Query<Schedule> }) {
    const { id, name, cronExpr, timezone } = schedule;
    const [editing, setEditing] = useState(false);
    const preview = useQuery(
        `preview ${cronExpr} ${timezone} ${schedule.nextRunAt}`,
        signal => api.schedules.preview(cronExpr, timezone, SHOWN, signal),
        { every: AGAIN_MS },
    );
    return (
        <>
            <PageHead
                title={
                    <span class="job-title">
                        <bdi>{name}</bdi> <Switch schedule={schedule} done={query.set} />
                    </span>
                }
                back={{ to: "/schedules", label: "Schedules" }}
            >
                <ActionButton icon="play" right="operate" action={() => runNow(schedule, query.refetch)}>
                    Run now
                </ActionButton>
                <Button icon="edit" right="admin" onClick={() => setEditing(true)}>
                    Change
                </Button>
                <Button
                    icon="trash"
                    right="admin"
                    onClick={() => confirmRemoval(schedule, () => navigate("/schedules"))}
                >
                    Delete
                </Button>
            </PageHead>
            <div class="job-columns">
                <div class="job-values">
                    <Rule schedule={schedule} preview={preview} />
                    <Panel
                        title="Payload"
                        note={
                            <>
                                of a job of type{" "}
                                <Link to="/jobs" query={{ type: schedule.jobType }}>
                                    <bdi>{schedule.jobType}</bdi>
                                </Link>
                            </>
                        }
                    >
                        <JsonTree value={schedule.payload} label="payload" />
                    </Panel>
                </div>
                <Runs schedule={schedule} />
            </div>
            {editing && (
                <ScheduleForm schedule={schedule} onClose={() => setEditing(false)} onDone={query.set} key={id} />
            )}
        </>
    );
}

export function ScheduleScreen({ id }: { id: string }) {
    const query = useQuery(`schedule ${id}`, signal => api.schedules.get(id, signal), {
        live: true,
        throttle: 2000,
        every: AGAIN_MS,
    });
    return (
        <One query={query} title="Schedule" all={{ to: "/schedules", label: "All schedules" }}>
            {schedule => <Whole schedule={schedule} query={query} />}
        </One>
    );
}
