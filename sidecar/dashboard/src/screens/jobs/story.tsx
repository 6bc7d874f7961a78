// What happened to a job, from its enqueueing on, as a line of time.
import type { ComponentChildren } from "preact";
import type { Action, Job, Run, Schedule } from "../../lib/api";
import { failedRefresh } from "../../lib/job";
import type { Json } from "../../lib/json";
import { duration, exact, instantOf, relative, useNow } from "../../lib/time";
import { Icon, type IconName } from "../../ui/icon";
import { Code, Link, ProgressBar, Since, type Tone } from "../../ui/parts";

interface Look {
    tone: Tone;
    icon: IconName;
    words: string;
}

interface MomentProps extends Pick<Look, "tone" | "icon"> {
    title: ComponentChildren;
    at?: string | undefined;
    children?: ComponentChildren;
}

function Moment({ tone, icon, title, at, children }: MomentProps) {
    const now = useNow(1000);
    return (
        <li class={`moment ${tone}`}>
            <span class="moment-mark">
                <Icon name={icon} size={12} />
            </span>
            <div class="moment-body">
                <div class="moment-head">
                    <span class="moment-title">{title}</span>
                    {at && (
                        <time dateTime={at} title={exact(at)} class="muted">
                            {relative(at, now)}
                        </time>
                    )}
                </div>
                {children}
            </div>
        </li>
    );
}

const LOOKS: Record<string, Look> = {
    running: { tone: "running", icon: "play", words: "is running" },
    completed: { tone: "completed", icon: "check", words: "completed" },
    failed: { tone: "failed", icon: "warning", words: "failed" },
    refresh: { tone: "failed", icon: "warning", words: "completed, but the refresh failed" },
    lost: { tone: "failed", icon: "lost", words: "was lost: its worker is gone" },
    canceled: { tone: "canceled", icon: "stop", words: "was interrupted" },
    snoozed: { tone: "completed", icon: "check", words: "was a step: the job goes on" },
};

/** The error in the outcome of a refresh. */
const said = (outcome: Json | undefined): string => String((outcome as { error?: Json } | undefined)?.error ?? "");

function Attempt({ run, job }: { run: Run; job: Job }) {
    const refresh = run.status === "completed" && failedRefresh(job);
    const look: Look = LOOKS[refresh ? "refresh" : run.status] ?? { tone: "plain", icon: "info", words: run.status };
    return (
        <Moment
            tone={look.tone}
            icon={look.icon}
            title={`Attempt ${run.attempt} ${look.words}`}
            at={run.finishedAt ?? run.startedAt}
        >
            <div class="moment-facts">
                {run.workerId && (
                    <span>
                        claimed by <code>{run.workerId}</code>
                    </span>
                )}
                {run.startedAt && (
                    <span title={exact(run.startedAt)}>started {new Date(run.startedAt).toLocaleTimeString()}</span>
                )}
                {run.durationMs !== undefined && <span>took {duration(run.durationMs)}</span>}
                {run.status === "running" && (
                    <span>
                        for <Since at={run.startedAt} />
                    </span>
                )}
                {run.sqlstate && (
                    <span>
                        SQLSTATE <code>{run.sqlstate}</code>
                    </span>
                )}
            </div>
            {run.status === "running" && job.progress && <ProgressBar {...job.progress} />}
            {run.error && <Code block>{run.error}</Code>}
            {run.hint && (
                <p>
                    Hint: <bdi>{run.hint}</bdi>
                </p>
            )}
            {run.context && (
                <details class="moment-context">
                    <summary>Context</summary>
                    <Code block>{run.context}</Code>
                </details>
            )}
            {refresh && <Code block>{said(job.result)}</Code>}
        </Moment>
    );
}

function Enqueued({ job, schedule }: { job: Job; schedule: Schedule | undefined }) {
    return (
        <Moment tone="plain" icon="plus" title="Enqueued" at={job.createdAt}>
            <div class="moment-facts">
                {job.runAs && (
                    <span>
                        to run as <bdi class="strong">{job.runAs}</bdi>
                    </span>
                )}
                {job.scheduleId && (
                    <span>
                        by the schedule{" "}
                        <Link to={`/schedules/${job.scheduleId}`}>
                            <bdi>{schedule?.name ?? "it belongs to"}</bdi>
                        </Link>
                    </span>
                )}
                {job.scheduledAt && <span>for its tick of {exact(job.scheduledAt).split("\n")[0]}</span>}
            </div>
        </Moment>
    );
}

const DONE: Record<Action["action"], Look> = {
    cancel: { tone: "canceled", icon: "stop", words: "Canceled" },
    retry: { tone: "plain", icon: "retry", words: "Put back into the queue" },
    run: { tone: "plain", icon: "play", words: "Made due" },
    reschedule: { tone: "plain", icon: "schedules", words: "Put to another time" },
    priority: { tone: "plain", icon: "edit", words: "Given another priority" },
    delete: { tone: "canceled", icon: "trash", words: "Deleted" },
};

/** What somebody did to it by hand; `actor`: whose session of the page or the API that was. */
function ByHand({ action }: { action: Action }) {
    const { tone, icon, words } = DONE[action.action];
    return (
        <Moment tone={tone} icon={icon} title={words} at={action.at}>
            <div class="moment-facts">
                <span>
                    by <bdi class="strong">{action.actor ?? action.doneBy}</bdi>
                    {action.actor !== undefined && (
                        <>
                            , as the role <bdi>{action.doneBy}</bdi>
                        </>
                    )}
                </span>
            </div>
        </Moment>
    );
}

/** Attempts and what was done by hand, in the order in which they happened; an attempt that runs comes last. */
function moments(job: Job, runs: readonly Run[], actions: readonly Action[]): ComponentChildren[] {
    const dated = [
        ...runs.map(run => ({
            at: run.status === "running" ? Number.POSITIVE_INFINITY : instantOf(run.finishedAt ?? run.startedAt ?? ""),
            shown: <Attempt key={`${run.attempt} ${run.startedAt} ${run.finishedAt}`} run={run} job={job} />,
        })),
        ...actions.map((action, n) => ({
            at: instantOf(action.at),
            shown: <ByHand key={`${n} ${action.at}`} action={action} />,
        })),
    ];
    return dated.sort((a, b) => a.at - b.at).map(({ shown }) => shown);
}

const WAITS = {
    external: "for a worker outside of the server to claim it",
    handler: "for a handler: none is registered for its type",
    jobs: "for the jobs on which it depends",
    time: "for its time",
    trust: "to be trusted: the role that enqueued it may not have it run",
};

function Waiting({ job }: { job: Job }) {
    const now = useNow(1000);
    const later = instantOf(job.runAt) > now;
    const words = job.attempts > 0 ? "Waits for its next attempt" : later ? "Waits for its time" : "Waits for a worker";
    return (
        <Moment tone={job.waitsFor === "handler" ? "warning" : "queued"} icon="clock" title={words} at={job.runAt}>
            {job.waitsFor && (
                <div class="moment-facts">
                    <span>and {WAITS[job.waitsFor]}</span>
                </div>
            )}
        </Moment>
    );
}

function End({ job, runs, actions }: Omit<StoryProps, "schedule">) {
    if (job.state === "queued") return <Waiting job={job} />;
    if (job.state === "canceled" && actions.at(-1)?.action === "cancel") return null; // that says it
    if (job.state === "canceled") return <Moment tone="canceled" icon="stop" title="Canceled" at={job.canceledAt} />;
    if (job.state === "failed")
        return (
            <Moment tone="failed" icon="warning" title="Failed for good" at={job.updatedAt}>
                <div class="moment-facts">
                    <span>
                        {job.maxAttempts === 1
                            ? "its one attempt is used up"
                            : `all of its ${job.attempts} attempts are used up`}
                    </span>
                </div>
                {job.lastError && !runs.some(run => run.error) && <Code block>{job.lastError}</Code>}
            </Moment>
        );
    return null; // the attempt that runs, or completed it, says it
}

interface StoryProps {
    job: Job;
    runs: Run[];
    actions: Action[];
    schedule: Schedule | undefined;
}

export function Story({ job, runs, actions, schedule }: StoryProps) {
    return (
        <ol class="story">
            <Enqueued job={job} schedule={schedule} />
            {moments(job, runs, actions)}
            <End job={job} runs={runs} actions={actions} />
        </ol>
    );
}
