// The jobs: filtered, without an end, some or all of them to be retried or canceled.
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, type BriefJob } from "../../lib/api";
import { count, plural, shortId } from "../../lib/format";
import { isFiltered, type JobQuery, readJobQuery, toFilter } from "../../lib/job-filter";
import { type JobList, LOOK, useJobList } from "../../lib/job-list";
import { useMay } from "../../lib/me";
import { useQuery } from "../../lib/query";
import { setQuery, useLocation } from "../../lib/router";
import { duration, instantOf } from "../../lib/time";
import { Button } from "../../ui/button";
import { Ago, Badge, JobBadge, Link, PageHead, ProgressBar, Since } from "../../ui/parts";
import { Empty, Failed, Loading } from "../../ui/states";
import type { Column } from "../../ui/table";
import { VirtualTable } from "../../ui/virtual-table";
import { Bulk, type Selection, useSelection } from "./bulk";
import { Export } from "./export";
import { Filters, Phases, StateTabs } from "./filters";
import { NewJob } from "./new-job";

const ROW_PX = 46;
const CARD_PX = 62;
const NARROW = "(max-width: 760px)";

function useNarrow(): boolean {
    const [narrow, setNarrow] = useState(window.matchMedia(NARROW).matches);
    useEffect(() => {
        const media = window.matchMedia(NARROW);
        const update = () => setNarrow(media.matches);
        media.addEventListener("change", update);
        return () => media.removeEventListener("change", update);
    }, []);
    return narrow;
}

/** When what a job's state is about happened, or will. */
export function When({ job }: { job: BriefJob }) {
    if (job.state === "running")
        return (
            <>
                <span class="muted">for</span> <Since at={job.lastRunAt ?? job.updatedAt} />
            </>
        );
    if (job.state === "queued")
        return (
            <>
                {instantOf(job.runAt) < Date.now() && <span class="muted">due</span>} <Ago at={job.runAt} />
            </>
        );
    return <Ago at={job.completedAt ?? job.canceledAt ?? job.updatedAt} />;
}

const instantShown = (job: BriefJob): number =>
    instantOf(
        job.state === "running"
            ? (job.lastRunAt ?? job.updatedAt)
            : job.state === "queued"
              ? job.runAt
              : (job.completedAt ?? job.canceledAt ?? job.updatedAt),
    );

/** How long its last attempt took, in ms. */
function tookOf({ state, lastRunAt, completedAt, updatedAt }: BriefJob): number | undefined {
    const end = state === "completed" ? completedAt : state === "failed" ? updatedAt : undefined;
    return lastRunAt && end ? Math.max(0, instantOf(end) - instantOf(lastRunAt)) : undefined;
}

export function Took({ job }: { job: BriefJob }) {
    const took = tookOf(job);
    return took === undefined ? <span class="muted">–</span> : <span>{duration(took)}</span>;
}

function Line({ job }: { job: BriefJob }) {
    const failed = job.state === "failed" || (job.state === "queued" && job.attempts > 0);
    if (job.state === "running" && job.progress) return <ProgressBar {...job.progress} />;
    if (failed && job.lastError) return <bdi class="job-line error">{job.lastError}</bdi>;
    if (job.payloadText === undefined) return <em class="job-line">a large payload</em>;
    return <bdi class="job-line">{job.payloadText}</bdi>;
}

const choosing = (selection: Selection): Column<BriefJob> => ({
    key: "choose",
    label: "Chosen",
    quiet: true,
    cell: job => (
        <input
            type="checkbox"
            class="checkbox"
            aria-label={`Choose ${shortId(job.id)}`}
            checked={selection.has(job)}
            onChange={() => selection.toggle(job)}
        />
    ),
});

const COLUMNS: Column<BriefJob>[] = [
    {
        key: "job",
        label: "Job",
        role: "main",
        sort: job => job.type,
        cell: job => (
            <div class="job-cell">
                <span class="job-name">
                    <Link to={`/jobs/${job.id}`}>
                        <bdi>{job.type}</bdi>
                    </Link>
                    <code class="muted">{shortId(job.id)}</code>
                    {job.state === "queued" && job.waitsFor === "handler" && (
                        <Badge tone="warning" icon="warning">
                            no handler
                        </Badge>
                    )}
                </span>
                <Line job={job} />
            </div>
        ),
    },
    { key: "state", label: "State", sort: job => job.phase, cell: job => <JobBadge job={job} /> },
    {
        key: "attempts",
        label: "Attempts",
        align: "right",
        sort: job => job.attempts,
        cell: job => (
            <span class={job.attempts > 1 ? "" : "muted"} title="attempts">
                {job.attempts}/{job.maxAttempts}
            </span>
        ),
    },
    {
        key: "took",
        label: "Took",
        align: "right",
        sort: tookOf,
        cell: job => <Took job={job} />,
    },
    { key: "when", label: "When", align: "right", sort: instantShown, cell: job => <When job={job} /> },
];

function Nothing({ query, list }: { query: JobQuery; list: JobList }) {
    if (list.error) return <Failed query={{ error: list.error, refetch: list.refresh }} />;
    if (list.busy && list.looks === 0) return <Loading rows={10} />;
    if (list.looked || list.looks > 0) return null;
    if (isFiltered(query) || query.state)
        return (
            <Empty icon="search" title="No job matches">
                <Button
                    onClick={() => setQuery({ q: "", type: "", time: "", since: "", until: "", state: "", phase: "" })}
                >
                    Show all jobs
                </Button>
            </Empty>
        );
    return (
        <Empty icon="jobs" title="No jobs yet">
            <code>SELECT ayb_jobs.enqueue('hello');</code>
        </Empty>
    );
}

/** Stands in the line above the rows, which is seen wherever one has scrolled to, and covers nothing. */
function News({ query, list, renew }: { query: JobQuery; list: JobList; renew: () => void }) {
    return (
        <div class="news" role="status">
            {list.news && (
                <Button small kind="primary" icon="retry" onClick={renew}>
                    {query.q ? "Search again" : "Show what is new"}
                </Button>
            )}
        </div>
    );
}

function Foot({ list }: { list: JobList }) {
    if (list.error && list.items.length > 0)
        return (
            <div class="list-foot" role="alert">
                <bdi>{list.error.message}</bdi>{" "}
                <Button small icon="retry" onClick={list.cursor ? list.more : list.refresh}>
                    Try again
                </Button>
            </div>
        );
    if (list.looks > 0)
        return (
            <div class="list-foot" role="status">
                <span class="spinner" aria-hidden="true" /> {plural(list.items.length, "job")} found among the newest{" "}
                {count(list.looks * LOOK)} …{" "}
                <Button small icon="stop" onClick={list.stop}>
                    Stop
                </Button>
            </div>
        );
    if (list.busy && list.items.length > 0) return <div class="list-foot">{list.cursor && "Loading more …"}</div>;
    if (list.looked)
        return (
            <div class="list-foot">
                {list.items.length === 0 ? "Nothing found yet" : `${count(list.items.length)} found`} among the newest
                jobs.{" "}
                <Button small icon="search" onClick={list.more}>
                    Search further
                </Button>
            </div>
        );
    return list.items.length > 0 && !list.cursor ? <div class="list-foot muted">That's all.</div> : null;
}

/** How many there are in each state, and of the phase that is chosen. */
function useCounts(query: JobQuery) {
    const { state: _, phase, ...rest } = toFilter(query);
    const often = { live: true, throttle: query.q ? 10_000 : 2000 };
    const key = JSON.stringify({ ...query, state: "", phase: "" });
    const counts = useQuery(`counts ${key}`, signal => api.jobs.counts(rest, signal), often);
    const ofPhase = useQuery(
        phase ? `counts ${key} ${phase}` : null,
        signal => api.jobs.counts({ ...rest, phase }, signal),
        often,
    );
    return { counts, chosen: phase ? ofPhase : counts };
}

export function JobsScreen() {
    const location = useLocation();
    const query = useMemo(() => readJobQuery(location.query), [location.query.toString()]);
    const key = JSON.stringify(query);
    const selection = useSelection(key);
    const list = useJobList(query, () => selection.some || window.scrollY > 60);
    const { counts, chosen } = useCounts(query);
    // Counting phases takes a look at the whole queue.
    const plain = query.state === "queued" && !isFiltered(query);
    const phases = useQuery(plain ? "phases" : null, api.jobs.phases, { live: true, throttle: 5000 });
    const [creating, setCreating] = useState(false);
    const narrow = useNarrow();
    const mayChoose = useMay("operate");
    const changed = () => {
        list.refresh();
        counts.refetch();
        chosen.refetch();
    };
    const renew = () => {
        window.scrollTo(0, 0);
        selection.clear();
        list.refresh();
    };
    return (
        <>
            <PageHead title="Jobs">
                <Button kind="primary" icon="plus" right="admin" onClick={() => setCreating(true)}>
                    New job
                </Button>
            </PageHead>
            <section class="panel flush jobs" aria-label="Jobs">
                <StateTabs query={query} counts={counts.data} />
                <Phases query={query} stats={phases.data} />
                <Filters query={query} />
                <Bulk query={query} list={list} counts={chosen.data} selection={selection} changed={changed}>
                    <Export query={query} />
                    <News query={query} list={list} renew={renew} />
                </Bulk>
                {list.items.length === 0 ? (
                    <Nothing query={query} list={list} />
                ) : (
                    <VirtualTable
                        label="Jobs"
                        columns={mayChoose ? [choosing(selection), ...COLUMNS] : COLUMNS}
                        rows={list.items}
                        keyOf={job => job.id}
                        rowClass={job => (selection.has(job) ? "chosen" : "")}
                        height={narrow ? CARD_PX : ROW_PX}
                        more={Boolean(list.cursor) && !list.busy && !list.error && !list.looked}
                        onEnd={list.more}
                    />
                )}
                <Foot list={list} />
            </section>
            {creating && <NewJob onClose={() => setCreating(false)} />}
        </>
    );
}
