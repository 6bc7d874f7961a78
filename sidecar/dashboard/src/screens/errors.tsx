// What jobs failed with, of each kind once: ids and numbers in it are a #.
import { api, type ErrorGroup } from "../lib/api";
import { count, plural, shortId } from "../lib/format";
import { useQuery } from "../lib/query";
import { setQuery, useLocation } from "../lib/router";
import { toast } from "../lib/toast";
import { changeEvery, VERBS, type Verb } from "../lib/verbs";
import { Button } from "../ui/button";
import { ask } from "../ui/dialog";
import { Choice } from "../ui/field";
import { Ago, Link, PageHead, Panel } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { type Column, Table } from "../ui/table";

const HOUR = 3_600_000;
const WINDOWS = [
    { value: "1h", label: "1 h", ms: HOUR },
    { value: "24h", label: "24 h", ms: 24 * HOUR },
    { value: "7d", label: "7 d", ms: 7 * 24 * HOUR },
] as const;
type WindowName = (typeof WINDOWS)[number]["value"];

const RETRY = VERBS.find(({ name }) => name === "Retry") as Verb;

/** The failed jobs of a group, as the list of jobs filters them. */
const filterOf = ({ type, error }: ErrorGroup) =>
    ({ type, state: "failed", q: error ? `error: ${error}` : "" }) as const;

function retryAll(group: ErrorGroup, changed: () => void): void {
    ask({
        title: `Retry ${plural(group.count, "failed job")}?`,
        text: (
            <>
                <p>
                    All failed jobs of type <bdi class="strong">{group.type}</bdi> with this error go back into the
                    queue with all their attempts, and run now.
                </p>
                <p>
                    <bdi>{group.error}</bdi>
                </p>
            </>
        ),
        action: "Retry them",
        leave: "Leave them",
        run: () =>
            changeEvery(RETRY, { ...filterOf(group), phase: "", time: "", since: "", until: "" }).then(done => {
                toast.done(`${plural(done.changed, "job")} retried`);
                changed();
            }),
    });
}

const columns = (changed: () => void): Column<ErrorGroup>[] => [
    {
        key: "error",
        label: "Error",
        role: "main",
        sort: group => group.error ?? "",
        cell: group => (
            <span class="stack">
                <Link to="/jobs" query={filterOf(group)}>
                    <bdi>{group.error ?? "no error was kept"}</bdi>
                </Link>
                <span class="muted">
                    in <bdi>{group.type}</bdi>, last by{" "}
                    <Link to={`/jobs/${group.jobId}`}>
                        <code>{shortId(group.jobId)}</code>
                    </Link>
                </span>
            </span>
        ),
    },
    { key: "count", label: "Jobs", align: "right", sort: group => group.count, cell: group => count(group.count) },
    { key: "first", label: "First", sort: group => group.firstAt, cell: group => <Ago at={group.firstAt} /> },
    { key: "last", label: "Last", sort: group => group.lastAt, cell: group => <Ago at={group.lastAt} /> },
    {
        key: "actions",
        label: "Actions",
        quiet: true,
        role: "actions",
        cell: group => (
            <Button small icon="retry" right="operate" onClick={() => retryAll(group, changed)}>
                Retry all
            </Button>
        ),
    },
];

export function Errors() {
    const name = (useLocation().query.get("window") ?? "24h") as WindowName;
    const window = WINDOWS.find(({ value }) => value === name) ?? WINDOWS[1];
    const errors = useQuery(
        `errors ${window.value}`,
        signal => api.errors(new Date(Date.now() - window.ms).toISOString(), signal),
        { live: event => event.newState === "failed" || event.newState === "queued", throttle: 3000, every: 15_000 },
    );
    return (
        <>
            <PageHead title="Errors">
                <Choice
                    label="Time"
                    value={window.value}
                    options={WINDOWS}
                    onChange={value => setQuery({ window: value === "24h" ? null : value })}
                />
            </PageHead>
            <Panel
                title="Failed jobs by error"
                note={errors.data?.more ? "of the newest 20,000 failed jobs" : undefined}
                flush
            >
                <Show
                    query={errors}
                    empty={({ count: number }) =>
                        number === 0 && (
                            <Empty icon="check" title="No job failed in this time">
                                Jobs that failed and were retried since aren't shown.
                            </Empty>
                        )
                    }
                >
                    {({ items }) => (
                        <Table
                            label="Errors"
                            columns={columns(errors.refetch)}
                            rows={items}
                            keyOf={group => `${group.type} ${group.error}`}
                        />
                    )}
                </Show>
            </Panel>
        </>
    );
}
