// What a type is limited to: how much of that is used, which keys wait and until when; and the form that sets it.
import { useState } from "preact/hooks";
import { api, type JobType, type Limit, type LimitKey } from "../../lib/api";
import { count, plural } from "../../lib/format";
import { duration } from "../../lib/time";
import { toast } from "../../lib/toast";
import { Button } from "../../ui/button";
import { ask } from "../../ui/dialog";
import { Ago, Badge, Fact, Link, Panel } from "../../ui/parts";
import { type Column, Table } from "../../ui/table";
import { LimitForm } from "./limit-form";

const per = ({ perSec = 0 }: Limit): string => duration(perSec * 1000);

/** "3 at once, 100 in 10 s, 1 of a key, in order" */
export function limitWords(limit: Limit): string {
    const { running, starts, runningPerKey, startsPerKey, ordered } = limit;
    return [
        running !== undefined && `${count(running)} at once`,
        starts !== undefined && `${count(starts)} in ${per(limit)}`,
        runningPerKey !== undefined && `${count(runningPerKey)} of a key`,
        startsPerKey !== undefined && `${count(startsPerKey)} of a key in ${per(limit)}`,
        ordered && "in order",
    ]
        .filter(Boolean)
        .join(", ");
}

/** Jobs are due, and none may start now. */
export const held = ({ open, waiting }: Limit): boolean => !open && waiting > 0;

/** When the next one may start. */
function Opens({ of }: { of: Pick<Limit | LimitKey, "open" | "opensAt"> }) {
    if (of.open) return <>now</>;
    return of.opensAt ? <Ago at={of.opensAt} /> : <>when one has ended</>;
}

function Facts({ limit }: { limit: Limit }) {
    const { running, starts } = limit;
    return (
        <dl class="facts">
            {!limit.inForce && <Fact name="In force">not yet: those that run are counted first</Fact>}
            <Fact name="Running">
                {count(limit.runningNow)}
                {running !== undefined && ` of ${count(running)}`}
            </Fact>
            {limit.perSec !== undefined && (
                <Fact name={`Started, last ${per(limit)}`}>
                    {count(limit.startedNow)}
                    {starts !== undefined && ` of ${count(starts)}`}
                </Fact>
            )}
            <Fact name="Due, and waiting">{count(limit.waiting)}</Fact>
            <Fact name="The next may start">
                <Opens of={limit} />
            </Fact>
            <Fact name="Set">
                <Ago at={limit.setAt} />
                {limit.setBy && (
                    <>
                        {" by "}
                        <bdi>{limit.setBy}</bdi>
                    </>
                )}
            </Fact>
        </dl>
    );
}

const keyColumns = (type: string): Column<LimitKey>[] => [
    {
        key: "key",
        label: "Key",
        role: "main",
        sort: row => row.key,
        cell: row => (
            <Link to="/jobs" query={{ type, state: "queued", q: row.key }} class="strong">
                <bdi>{row.key}</bdi>
            </Link>
        ),
    },
    { key: "queued", label: "Queued", align: "right", sort: row => row.queued, cell: row => count(row.queued) },
    { key: "running", label: "Running", align: "right", sort: row => row.running, cell: row => count(row.running) },
    { key: "started", label: "Started", align: "right", sort: row => row.started, cell: row => count(row.started) },
    {
        key: "opens",
        label: "The next may start",
        role: "wide",
        cell: row => (
            <span class="row">
                <Opens of={row} />
                {!row.open && row.queued > 0 && (
                    <Badge tone="warning" icon="pause">
                        waits
                    </Badge>
                )}
            </span>
        ),
    },
];

interface LimitsProps {
    type: JobType;
    changed: (type: JobType) => void;
    cleared: () => void;
}

function confirmClear(type: string, cleared: () => void): void {
    ask({
        title: `Take the limit of ${type} away?`,
        text: <p>Jobs that wait for it start at once, as many as there are workers.</p>,
        action: "Take it away",
        leave: "Leave it",
        danger: true,
        run: () =>
            api.types.clearLimit(type).then(() => {
                toast.done(`${type} has no limit any more`);
                cleared();
            }),
    });
}

export function Limits({ type, changed, cleared }: LimitsProps) {
    const [editing, setEditing] = useState(false);
    const { limit } = type;
    return (
        <>
            <Panel
                title="Limit"
                note={limit ? limitWords(limit) : "none: as many run as there are workers"}
                actions={
                    <>
                        {limit && (
                            <Button small icon="trash" right="admin" onClick={() => confirmClear(type.type, cleared)}>
                                Clear
                            </Button>
                        )}
                        <Button small icon="edit" right="admin" onClick={() => setEditing(true)}>
                            {limit ? "Change" : "Set a limit"}
                        </Button>
                    </>
                }
            >
                {limit && <Facts limit={limit} />}
            </Panel>
            {limit?.keys && limit.keys.length > 0 && (
                <Panel title="Keys" note={`${plural(limit.keys.length, "key")} with most jobs`} flush>
                    <Table label="Keys" columns={keyColumns(type.type)} rows={limit.keys} keyOf={({ key }) => key} />
                </Panel>
            )}
            {editing && (
                <LimitForm
                    type={type}
                    onClose={() => setEditing(false)}
                    onDone={now => {
                        setEditing(false);
                        changed(now);
                    }}
                />
            )}
        </>
    );
}
