// Small things that every screen uses.
import type { ComponentChildren } from "preact";
import type { BriefJob, QueuedPhase, State } from "../lib/api";
import { failedRefresh } from "../lib/job";
import { href, type QueryPatch } from "../lib/router";
import { exact, instantOf, relative, span, useNow } from "../lib/time";
import { Icon, type IconName } from "./icon";

export function Link({
    to,
    query,
    class: name,
    children,
}: {
    to: string;
    query?: QueryPatch;
    class?: string;
    children: ComponentChildren;
}) {
    return (
        <a class={name} href={href(to, query)}>
            {children}
        </a>
    );
}

/** "4 min ago", with the exact time on hover. */
export function Ago({ at }: { at: string | undefined }) {
    const then = at ? instantOf(at) : Number.NaN;
    const now = useNow(Math.abs(Date.now() - then) < 3_600_000 ? 1000 : 30_000);
    if (!at) return <span class="muted">–</span>;
    return (
        <time dateTime={at} title={exact(at)}>
            {relative(at, now)}
        </time>
    );
}

/** "12 s": how long since. */
export function Since({ at }: { at: string | undefined }) {
    const now = useNow(1000);
    if (!at) return <span class="muted">–</span>;
    return (
        <time dateTime={at} title={exact(at)}>
            {span(Math.max(0, (now - instantOf(at)) / 1000))}
        </time>
    );
}

const STATE_ICONS: Record<State, IconName> = {
    queued: "clock",
    running: "play",
    completed: "check",
    failed: "warning",
    canceled: "stop",
};

/** Of queued jobs what they wait for. */
const PHASES: Record<QueuedPhase, { icon: IconName; title: string }> = {
    due: { icon: "clock", title: "the next free worker takes it" },
    external: { icon: "clock", title: "due, for a worker outside of the server" },
    waiting: { icon: "pause", title: "due, but nobody may take it yet" },
    scheduled: { icon: "schedules", title: "its time hasn't come" },
    retrying: { icon: "retry", title: "has run, and runs again at its time" },
};

export const PHASE_TITLES = Object.fromEntries(
    Object.entries(PHASES).map(([phase, { title }]) => [phase, title]),
) as Record<QueuedPhase, string>;

export function JobBadge({ job }: { job: Pick<BriefJob, "state" | "phase" | "outcome"> }) {
    const { state } = job;
    const waiting = state === "queued" ? PHASES[job.phase as QueuedPhase] : undefined;
    if (waiting)
        return (
            <Badge tone={job.phase === "waiting" ? "warning" : "queued"} icon={waiting.icon}>
                <span title={waiting.title}>{job.phase}</span>
            </Badge>
        );
    return failedRefresh(job) ? (
        <Badge tone="failed" icon="warning">
            refresh failed
        </Badge>
    ) : (
        <Badge tone={state} icon={STATE_ICONS[state]}>
            {state}
        </Badge>
    );
}

export type Tone = State | "warning" | "plain";

export function Badge({
    tone = "plain",
    icon,
    children,
}: {
    tone?: Tone;
    icon?: IconName;
    children: ComponentChildren;
}) {
    return (
        <span class={`badge ${tone}`}>
            {icon && <Icon name={icon} size={12} />}
            {children}
        </span>
    );
}

interface PanelProps {
    title: string;
    note?: ComponentChildren;
    actions?: ComponentChildren;
    children: ComponentChildren;
    flush?: boolean; // for a table that goes to the edges
    class?: string;
}

export function Panel({ title, note, actions, children, flush, class: name = "" }: PanelProps) {
    return (
        <section class={`panel ${flush ? "flush " : ""}${name}`} aria-label={title}>
            <header class="panel-head">
                <h2>{title}</h2>
                {note && <span class="panel-note">{note}</span>}
                {actions && <div class="panel-actions">{actions}</div>}
            </header>
            {children}
        </section>
    );
}

interface PageHeadProps {
    title: ComponentChildren;
    /** From where one came, above. */
    back?: { to: string; label: string };
    note?: ComponentChildren;
    children?: ComponentChildren;
}

/** The head of a screen. */
export function PageHead({ title, back, note, children }: PageHeadProps) {
    return (
        <header class="page-head">
            <div class="page-title">
                {back && (
                    <Link to={back.to} class="back">
                        <Icon name="left" size={12} /> {back.label}
                    </Link>
                )}
                <h1 tabIndex={-1}>{title}</h1>
                {note && <div class="page-note">{note}</div>}
            </div>
            {children && <div class="page-actions">{children}</div>}
        </header>
    );
}

export function ProgressBar({ percent, note }: { percent: number; note?: string | undefined }) {
    const value = Math.min(100, Math.max(0, percent));
    return (
        <span class="progress">
            <progress max={100} value={value} aria-label={note || "Progress"} />
            <span class="progress-text">
                {value} %{note && <bdi> {note}</bdi>}
            </span>
        </span>
    );
}

/** SQL, a command, an error: text as it is, in monospace. */
export function Code({ children, block }: { children: string; block?: boolean }) {
    return block ? (
        // It may scroll, so the keyboard has to reach it.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        <pre class="code" dir="auto" tabIndex={0}>
            {children}
        </pre>
    ) : (
        <code dir="auto">{children}</code>
    );
}

/** A name and what is known of it, in a list of facts. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
    return (
        <div class="fact">
            <dt>{name}</dt>
            <dd>{children}</dd>
        </div>
    );
}
