// Some of the jobs, or all that match, to be retried or canceled.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, type BriefJob, type Counts, type State } from "../../lib/api";
import { count, plural } from "../../lib/format";
import { type JobQuery, toFilter } from "../../lib/job-filter";
import type { JobList } from "../../lib/job-list";
import { toast } from "../../lib/toast";
import { ActionButton, Button } from "../../ui/button";
import { ask } from "../../ui/dialog";

const IDS_AT_ONCE = 1000;
const PAGE = 500;
const CHOOSE_ALL = "choose-all";

export interface Selection {
    ids: ReadonlySet<string>;
    every: boolean; // all that match, whether they are loaded or not
    some: boolean;
    has: (job: BriefJob) => boolean;
    toggle: (job: BriefJob) => void;
    choose: (jobs: BriefJob[]) => void;
    chooseEvery: () => void;
    clear: () => void;
}

/** Another filter, another selection. */
export function useSelection(key: string): Selection {
    const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
    const [every, setEvery] = useState(false);
    const clear = () => {
        setIds(new Set());
        setEvery(false);
    };
    useEffect(clear, [key]);
    return {
        ids,
        every,
        some: every || ids.size > 0,
        has: job => every || ids.has(job.id),
        toggle: job => {
            const next = new Set(ids);
            if (!next.delete(job.id)) next.add(job.id);
            setIds(next);
            setEvery(false);
        },
        choose: jobs => setIds(new Set(jobs.map(job => job.id))),
        chooseEvery: () => setEvery(true),
        clear,
    };
}

interface Verb {
    name: "Retry" | "Cancel";
    done: string;
    from: State; // the one state that it changes
    send: typeof api.jobs.retryMany;
}

const VERBS: Verb[] = [
    { name: "Retry", done: "retried", from: "failed", send: api.jobs.retryMany },
    { name: "Cancel", done: "canceled", from: "queued", send: api.jobs.cancelMany },
];

async function changeIds(verb: Verb, ids: string[]): Promise<number> {
    let changed = 0;
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE)
        changed += (await verb.send({ ids: ids.slice(at, at + IDS_AT_ONCE) })).changed;
    return changed;
}

/** All that match. Text is something that only the list looks for: there it goes page by page. */
async function changeEvery(verb: Verb, query: JobQuery): Promise<number> {
    const filter = toFilter(query);
    // What comes after now wasn't meant.
    const until = filter.until || new Date().toISOString();
    if (!filter.q) {
        const { type, since } = filter;
        return (await verb.send({ ...(type && { type }), ...(since && { since }), until })).changed;
    }
    let changed = 0;
    let cursor: string | undefined;
    do {
        const page = await api.jobs.list({ ...filter, until, state: verb.from, limit: PAGE, cursor });
        if (page.items.length > 0)
            changed += await changeIds(
                verb,
                page.items.map(job => job.id),
            );
        cursor = page.nextCursor;
    } while (cursor);
    return changed;
}

interface BulkProps {
    query: JobQuery;
    list: JobList;
    counts: Counts | undefined;
    selection: Selection;
    changed: () => void;
}

function run(verb: Verb, { query, selection, changed }: BulkProps): Promise<void> {
    const work = selection.every ? changeEvery(verb, query) : changeIds(verb, [...selection.ids]);
    return work.then(number => {
        toast.done(`${plural(number, "job")} ${verb.done}`);
        selection.clear();
        changed();
        // The button that was pressed is gone, and so, in a moment, is the question, outside of which nothing has the focus.
        window.setTimeout(() => document.getElementById(CHOOSE_ALL)?.focus());
    });
}

/** How many jobs of the selection the verb concerns, as far as one knows. */
function concerned(verb: Verb, { query, list, counts, selection }: BulkProps): { number: number; more: boolean } {
    if (selection.every)
        return query.state && query.state !== verb.from
            ? { number: 0, more: false }
            : { number: counts?.[verb.from] ?? 0, more: counts?.atLeast.includes(verb.from) ?? true };
    const number = list.items.filter(job => job.state === verb.from && selection.ids.has(job.id)).length;
    return { number, more: false };
}

function VerbButton({ verb, ...props }: BulkProps & { verb: Verb }) {
    const { number, more } = concerned(verb, props);
    if (number === 0 && !more) return null;
    const text = `${verb.name} ${count(number)}${more ? "+" : ""} ${verb.from}`;
    const icon = verb.name === "Retry" ? "retry" : "stop";
    if (!props.selection.every && verb.name === "Retry")
        return (
            <ActionButton small icon={icon} action={() => run(verb, props)}>
                {text}
            </ActionButton>
        );
    const which = props.selection.every
        ? `every ${verb.from} job that matches`
        : `${plural(number, `${verb.from} job`)}`;
    const question = () =>
        ask({
            title: `${verb.name} ${which}?`,
            text:
                verb.name === "Retry" ? (
                    <p>They go back into the queue with all their attempts, and run now.</p>
                ) : (
                    <p>They will not run. A canceled job can't be put back; it would have to be enqueued anew.</p>
                ),
            action: `${verb.name} ${number === 1 ? "it" : "them"}`,
            leave: verb.name === "Cancel" ? "Keep them" : "Leave them",
            danger: verb.name === "Cancel",
            run: () => run(verb, props),
        });
    return (
        <Button small icon={icon} onClick={question}>
            {text}
        </Button>
    );
}

/** The line above the rows: choose all; and, where some are chosen, what to do with them. */
export function Bulk({ children, ...props }: BulkProps & { children: ComponentChildren }) {
    const { list, selection } = props;
    if (list.items.length === 0) return list.news ? <div class="bulk">{children}</div> : null;
    const all = selection.every || (selection.ids.size > 0 && list.items.every(job => selection.ids.has(job.id)));
    const mixed = selection.some && !all;
    return (
        <section class={selection.some ? "bulk some" : "bulk"} aria-label="Chosen jobs">
            <input
                type="checkbox"
                class="checkbox"
                id={CHOOSE_ALL}
                aria-label="Choose all that are shown"
                checked={all}
                ref={element => {
                    if (element) element.indeterminate = mixed;
                }}
                onChange={() => (all ? selection.clear() : selection.choose(list.items))}
            />
            <span class="bulk-count" aria-live="polite">
                {selection.every
                    ? "All that match are chosen"
                    : selection.some
                      ? `${count(selection.ids.size)} chosen`
                      : ""}
            </span>
            {!selection.some && (
                <span class="muted">{list.cursor ? "the newest first" : plural(list.items.length, "job")}</span>
            )}
            {selection.some && (
                <div class="bulk-actions">
                    {VERBS.map(verb => (
                        <VerbButton key={verb.name} verb={verb} {...props} />
                    ))}
                    {all && !selection.every && list.cursor && (
                        <Button small onClick={selection.chooseEvery}>
                            Choose all that match
                        </Button>
                    )}
                    <Button small kind="ghost" icon="cross" onClick={selection.clear}>
                        Choose none
                    </Button>
                </div>
            )}
            {children}
        </section>
    );
}
