// Every schedule: what it does, when it comes next, how it went last.
import { useState } from "preact/hooks";
import { api, type List, type Schedule } from "../../lib/api";
import { plural } from "../../lib/format";
import { type Query, useQuery } from "../../lib/query";
import { navigate } from "../../lib/router";
import { duration, instantOf } from "../../lib/time";
import { ActionButton, Button } from "../../ui/button";
import { Ago, Badge, Link, PageHead } from "../../ui/parts";
import { Empty, Show } from "../../ui/states";
import { type Column, Table } from "../../ui/table";
import { confirmRemoval, runNow, Switch } from "./actions";
import { ScheduleForm } from "./form";
import { failedWords } from "./runs";

const AGAIN_MS = 15_000;

function Trouble({ schedule }: { schedule: Schedule }) {
    if (schedule.lastError)
        return (
            <Badge tone="failed" icon="warning">
                <bdi title={schedule.lastError}>can't run</bdi>
            </Badge>
        );
    const { lastSkip, lastRunAt } = schedule;
    if (lastSkip && Date.parse(lastSkip.at) > Date.parse(lastRunAt ?? "1970-01-01"))
        return (
            <Badge tone="warning" icon="info">
                <span title={lastSkip.reason}>left out</span>
            </Badge>
        );
    return <Outcome schedule={schedule} />;
}

/** What came of its last job that has ended, and how long that took. */
function Outcome({ schedule }: { schedule: Schedule }) {
    const { lastRun } = schedule;
    if (!lastRun) return null;
    const { failures, outcome, durationMs } = lastRun;
    return (
        <>
            {failures > 0 ? (
                <Badge tone="failed" icon="warning">
                    <span title={failedWords(failures)}>{failures === 1 ? "failed" : `${failures} failed`}</span>
                </Badge>
            ) : (
                outcome && <Badge tone={outcome}>{outcome}</Badge>
            )}
            {durationMs !== undefined && (
                <span class="muted" title="how long it took">
                    {duration(durationMs)}
                </span>
            )}
        </>
    );
}

function columns(query: Query<List<Schedule>>, edit: (schedule: Schedule) => void): Column<Schedule>[] {
    const put = (changed: Schedule) => {
        const { data } = query;
        if (data) query.set({ ...data, items: data.items.map(one => (one.id === changed.id ? changed : one)) });
    };
    return [
        {
            key: "enabled",
            label: "Enabled",
            quiet: true,
            cell: schedule => <Switch schedule={schedule} done={put} />,
        },
        {
            key: "name",
            label: "Schedule",
            role: "main",
            sort: schedule => schedule.name,
            cell: schedule => (
                <span class="stack">
                    <Link to={`/schedules/${schedule.id}`} class="strong">
                        <bdi>{schedule.name}</bdi>
                    </Link>
                    <span class="muted">
                        enqueues <bdi>{schedule.jobType}</bdi>
                    </span>
                </span>
            ),
        },
        {
            key: "rule",
            label: "Rule",
            role: "wide",
            cell: schedule => (
                <span class="stack">
                    <span>{schedule.description ?? "This rule can't be read."}</span>
                    <span class="muted">
                        <code>{schedule.cronExpr}</code>{" "}
                        {!schedule.description?.includes(schedule.timezone) && schedule.timezone}
                    </span>
                </span>
            ),
        },
        {
            key: "next",
            label: "Next",
            sort: schedule => (schedule.enabled && schedule.nextRunAt ? instantOf(schedule.nextRunAt) : undefined),
            cell: schedule =>
                schedule.enabled ? <Ago at={schedule.nextRunAt} /> : <span class="muted">disabled</span>,
        },
        {
            key: "last",
            label: "Last",
            sort: schedule => (schedule.lastRunAt ? instantOf(schedule.lastRunAt) : undefined),
            cell: schedule => (
                <span class="row">
                    {schedule.lastRunAt ? <Ago at={schedule.lastRunAt} /> : <span class="muted">never</span>}
                    <Trouble schedule={schedule} />
                </span>
            ),
        },
        {
            key: "actions",
            label: "Actions",
            quiet: true,
            role: "actions",
            cell: schedule => (
                <span class="row-actions">
                    <ActionButton
                        small
                        icon="play"
                        right="operate"
                        label={`Run ${schedule.name} now`}
                        action={() => runNow(schedule, query.refetch)}
                    />
                    <Button
                        small
                        kind="ghost"
                        icon="edit"
                        right="admin"
                        label={`Change ${schedule.name}`}
                        onClick={() => edit(schedule)}
                    />
                    <Button
                        small
                        kind="ghost"
                        icon="trash"
                        right="admin"
                        label={`Delete ${schedule.name}`}
                        onClick={() => confirmRemoval(schedule, query.refetch)}
                    />
                </span>
            ),
        },
    ];
}

export function ScheduleList() {
    const schedules = useQuery("schedules", api.schedules.list, { live: true, throttle: 2000, every: AGAIN_MS });
    const [editing, setEditing] = useState<Schedule | "new">();
    const { data } = schedules;
    const off = data?.items.filter(({ enabled }) => !enabled).length ?? 0;
    return (
        <>
            <PageHead title="Schedules">
                <Button kind="primary" icon="plus" right="admin" onClick={() => setEditing("new")}>
                    New schedule
                </Button>
            </PageHead>
            <section class="panel flush schedules" aria-label="Schedules">
                <header class="panel-head">
                    <h2>All schedules</h2>
                    {data && data.count > 0 && (
                        <span class="panel-note">
                            {plural(data.count, "schedule")}
                            {off > 0 && `, ${off} of them disabled`}
                        </span>
                    )}
                </header>
                <Show
                    query={schedules}
                    empty={({ count }) =>
                        count === 0 && (
                            <Empty icon="schedules" title="No schedules yet">
                                <p>A schedule enqueues a job at each tick of a cron rule.</p>
                                <Button icon="plus" right="admin" onClick={() => setEditing("new")}>
                                    New schedule
                                </Button>
                            </Empty>
                        )
                    }
                >
                    {({ items }) => (
                        <Table
                            label="Schedules"
                            columns={columns(schedules, setEditing)}
                            rows={items}
                            keyOf={({ id }) => id}
                            rowClass={({ enabled }) => (enabled ? "" : "off")}
                        />
                    )}
                </Show>
            </section>
            {editing && (
                <ScheduleForm
                    {...(editing !== "new" && { schedule: editing })}
                    onClose={() => setEditing(undefined)}
                    onDone={saved => {
                        schedules.refetch();
                        if (editing === "new") navigate(`/schedules/${saved.id}`);
                    }}
                />
            )}
        </>
    );
}
