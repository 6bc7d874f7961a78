// One job: its story, what it was given, what came of it.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, type Job } from "../../lib/api";
import { asCurl, asSql } from "../../lib/copies";
import { shortId } from "../../lib/format";
import { dueWord } from "../../lib/job";
import type { Json } from "../../lib/json";
import { type Query, useQuery } from "../../lib/query";
import { navigate } from "../../lib/router";
import { useNow } from "../../lib/time";
import { toast } from "../../lib/toast";
import { ActionButton, Button, CopyButton } from "../../ui/button";
import type { IconName } from "../../ui/icon";
import { JsonTree } from "../../ui/json-tree";
import { Ago, Fact, JobBadge, Link, PageHead, Panel } from "../../ui/parts";
import { Failed, Loading, One } from "../../ui/states";
import { confirmCancel, confirmDelete } from "./cancel";
import { Log } from "./log";
import { NewJob } from "./new-job";
import { Reschedule } from "./reschedule";
import { Story } from "./story";

const RUNNING_MS = 1000;

/** Retry, run now: at once, since neither undoes anything. */
function Again({ job, done }: ActionsProps) {
    const verb = (name: string, icon: IconName, send: () => Promise<Job>, said: string) => (
        <ActionButton
            kind="primary"
            icon={icon}
            right="operate"
            action={() =>
                send().then(changed => {
                    toast.done(`Job ${shortId(job.id)} ${said}`);
                    done(changed);
                })
            }
        >
            {name}
        </ActionButton>
    );
    if (job.state === "failed") return verb("Retry", "retry", () => api.jobs.retry(job.id), "is queued again");
    if (job.phase === "scheduled" || job.phase === "retrying" || job.phase === "canceled")
        return verb("Run now", "play", () => api.jobs.run(job.id), "is due now");
    return null;
}

interface ActionsProps {
    job: Job;
    done: (job: Job) => void;
}

function Actions({ job, done }: ActionsProps) {
    const [open, setOpen] = useState<"reschedule" | "copy">();
    const close = () => setOpen(undefined);
    const { state } = job;
    return (
        <>
            <CopyButton text={() => asSql(job)} label="Copy as SQL">
                SQL
            </CopyButton>
            <CopyButton text={() => asCurl(job, window.location.href)} label="Copy as curl">
                curl
            </CopyButton>
            <Button icon="copy" right="admin" onClick={() => setOpen("copy")}>
                Enqueue another
            </Button>
            <Again job={job} done={done} />
            {state === "queued" && (
                <Button icon="schedules" right="operate" onClick={() => setOpen("reschedule")}>
                    Reschedule
                </Button>
            )}
            {(state === "queued" || state === "running") && (
                <Button
                    icon="stop"
                    right="operate"
                    onClick={() => confirmCancel({ ...job, running: state === "running" }, done)}
                >
                    Cancel
                </Button>
            )}
            {state !== "running" && (
                <Button
                    icon="trash"
                    right="admin"
                    label="Delete this job"
                    onClick={() => confirmDelete(job, () => navigate("/jobs"))}
                />
            )}
            {open === "reschedule" && <Reschedule job={job} onClose={close} onDone={done} />}
            {open === "copy" && <NewJob first={job} onClose={close} />}
        </>
    );
}

function Facts({ job }: { job: Job }) {
    return (
        <dl class="facts">
            <Fact name="Id">
                <code>{job.id}</code> <CopyButton text={job.id} label="Copy the id" />
            </Fact>
            <Fact name="Type">
                <Link to={`/types/${encodeURIComponent(job.type)}`}>
                    <bdi>{job.type}</bdi>
                </Link>
            </Fact>
            <Fact name="Attempts">
                {job.attempts} of {job.maxAttempts}
            </Fact>
            <Fact name={dueWord(job, useNow())}>
                <Ago at={job.runAt} />
            </Fact>
            {job.runAs && (
                <Fact name="Runs as">
                    <bdi>{job.runAs}</bdi>
                </Fact>
            )}
            {job.enqueuedBy !== job.runAs && (
                <Fact name="Enqueued by">
                    <bdi>{job.enqueuedBy}</bdi>
                </Fact>
            )}
            {job.flow && (
                <Fact name="Flow">
                    <Link to={`/flows/${job.flow}`}>
                        <code>{shortId(job.flow)}</code>
                    </Link>
                </Fact>
            )}
            {Boolean(job.priority) && <Fact name="Priority">{job.priority}</Fact>}
            {job.partitionKey !== undefined && (
                <Fact name="Key">
                    <code dir="auto">{job.partitionKey}</code>
                </Fact>
            )}
            {job.leaseUntil && (
                <Fact name="Leased">
                    <Ago at={job.leaseUntil} />
                </Fact>
            )}
            {job.idempotencyKey !== undefined && (
                <Fact name="Idempotency key">
                    <code dir="auto">{job.idempotencyKey}</code>
                </Fact>
            )}
            {job.uniqueKey !== undefined && (
                <Fact name="Unique key">
                    <code dir="auto">{job.uniqueKey}</code>
                </Fact>
            )}
            {job.expiresAt && (
                <Fact name="To be started by">
                    <Ago at={job.expiresAt} />
                </Fact>
            )}
        </dl>
    );
}

function Value({ title, value, children }: { title: string; value: Json | undefined; children?: ComponentChildren }) {
    return (
        <Panel title={title}>
            {value === undefined ? (
                <p class="muted">{children}</p>
            ) : (
                <JsonTree value={value} label={title.toLowerCase()} />
            )}
        </Panel>
    );
}

function Whole({ job, query }: { job: Job; query: Query<Job> }) {
    const live = (event: { jobId: string }) => event.jobId === job.id;
    const runs = useQuery(`runs ${job.id}`, signal => api.jobs.runs(job.id, signal), { live, throttle: 300 });
    const actions = useQuery(`actions ${job.id}`, signal => api.jobs.actions(job.id, signal), { live, throttle: 300 });
    const schedule = useQuery(job.scheduleId ? `schedule ${job.scheduleId}` : null, signal =>
        api.schedules.get(job.scheduleId as string, signal),
    );
    const done = (changed: Job) => {
        query.set(changed);
        runs.refetch();
        actions.refetch();
    };
    return (
        <>
            <PageHead
                title={
                    <span class="job-title">
                        <bdi>{job.type}</bdi> <JobBadge job={job} />
                    </span>
                }
                back={{ to: "/jobs", label: "Jobs" }}
            >
                <Actions job={job} done={done} />
            </PageHead>
            <section class="panel" aria-label="Facts">
                <Facts job={job} />
            </section>
            <div class="job-columns">
                <Panel title="Story">
                    {runs.data === undefined && runs.error ? (
                        <Failed query={runs} />
                    ) : runs.data === undefined ? (
                        <Loading rows={3} />
                    ) : (
                        <Story
                            job={job}
                            runs={runs.data.items}
                            actions={actions.data?.items ?? []}
                            schedule={schedule.data}
                        />
                    )}
                </Panel>
                <div class="job-values">
                    <Value title="Payload" value={job.payload} />
                    <Value title="Result" value={job.result}>
                        {job.state === "completed"
                            ? "Its handler gave nothing back."
                            : "There is none before it has completed."}
                    </Value>
                    {job.meta !== undefined && <Value title="Meta" value={job.meta as Json} />}
                    <Log job={job} />
                </div>
            </div>
        </>
    );
}

export function JobScreen({ id }: { id: string }) {
    const known = useQuery<Job>(`job ${id}`, signal => api.jobs.get(id, signal), {
        live: event => event.jobId === id,
        throttle: 300,
    });
    // Progress is no event.
    const running = known.data?.state === "running";
    useEffect(() => {
        if (!running) return;
        const timer = window.setInterval(() => document.hidden || known.refetch(), RUNNING_MS);
        return () => window.clearInterval(timer);
    }, [running]);
    return (
        <One
            query={known}
            title="Job"
            all={{ to: "/jobs", label: "All jobs" }}
            note={<p>Completed jobs are kept for as long as the setting ayb_jobs.retention says.</p>}
        >
            {job => <Whole job={job} query={known} />}
        </One>
    );
}
