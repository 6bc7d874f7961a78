// Some of the jobs, or all that match, with what can be done with them.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { BriefJob, Counts } from "../../lib/api";
import { count, plural } from "../../lib/format";
import type { JobQuery } from "../../lib/job-filter";
import type { JobList } from "../../lib/job-list";
import { useMay } from "../../lib/me";
import { toast } from "../../lib/toast";
import { changeEvery, changeIds, concerned, concerns, everyPhase, heldBy, VERBS, type Verb } from "../../lib/verbs";
import { Button } from "../../ui/button";
import { ask } from "../../ui/dialog";

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

interface BulkProps {
    query: JobQuery;
    list: JobList;
    counts: Counts | undefined;
    selection: Selection;
    changed: () => void;
}

const asked = ({ name, path }: Verb, which: string): string =>
    path === "run" ? `Run ${which} now` : `${name} ${which}`;

function run(verb: Verb, { query, selection, changed }: BulkProps): Promise<void> {
    const work = selection.every ? changeEvery(verb, query) : changeIds(verb, [...selection.ids]);
    return work.then(({ changed: number, holders }) => {
        toast.done(`${plural(number, "job")} ${verb.done}${heldBy(holders)}`);
        selection.clear();
        changed();
        // The button that was pressed is gone, and so, in a moment, is the question, outside of which nothing has the focus.
        window.setTimeout(() => document.getElementById(CHOOSE_ALL)?.focus());
    });
}

/** How many jobs of the selection the verb concerns, as far as one knows. */
function chosenFor(verb: Verb, { query, list, counts, selection }: BulkProps): { number: number; more: boolean } {
    if (selection.every) return concerned(verb, query, counts);
    const number = list.items.filter(job => concerns(verb, job) && selection.ids.has(job.id)).length;
    return { number, more: false };
}

/** "failed", where all that the verb concerns are that. */
function kindOf(verb: Verb, { query, list, selection }: BulkProps): string {
    if (selection.every) return everyPhase(verb, query) ?? "";
    const kinds = new Set(
        list.items
            .filter(job => concerns(verb, job) && selection.ids.has(job.id))
            .map(job => (verb.path === "cancel" ? job.state : job.phase)),
    );
    return kinds.size === 1 ? ([...kinds][0] ?? "") : "";
}

function VerbButton({ verb, ...props }: BulkProps & { verb: Verb }) {
    const { number, more } = chosenFor(verb, props);
    if (number === 0 && !more) return null;
    const kind = kindOf(verb, props);
    const text = [verb.name, `${count(number)}${more ? "+" : ""}`, kind].filter(Boolean).join(" ");
    const words = [kind, "job"].filter(Boolean).join(" ");
    const which = props.selection.every
        ? `every ${words} that matches (${count(number)}${more ? " or more" : ""})`
        : plural(number, words);
    const question = () =>
        ask({
            title: `${asked(verb, which)}?`,
            text: <p>{verb.text}</p>,
            action: asked(verb, number === 1 ? "it" : "them"),
            leave: verb.leave,
            danger: verb.danger ?? false,
            run: () => run(verb, props),
        });
    return (
        <Button small icon={verb.icon} right={verb.right} onClick={question}>
            {text}
        </Button>
    );
}

/** The line above the rows: choose all; and, where some are chosen, what to do with them. */
export function Bulk({ children, ...props }: BulkProps & { children: ComponentChildren }) {
    const { list, selection } = props;
    const may = useMay("operate");
    if (list.items.length === 0) return list.news ? <div class="bulk">{children}</div> : null;
    const all = selection.every || (selection.ids.size > 0 && list.items.every(job => selection.ids.has(job.id)));
    const mixed = selection.some && !all;
    return (
        <section class={selection.some ? "bulk some" : "bulk"} aria-label="Chosen jobs">
            {may && (
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
            )}
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
