// One registered view: how fresh it is, how long that took, what it needs, and what can be done with it.
import { useState } from "preact/hooks";
import { api, type Matview, type RefreshMode } from "../../lib/api";
import { bytes, compact, count } from "../../lib/format";
import { ApiError } from "../../lib/http";
import { printJson } from "../../lib/json";
import { useMay } from "../../lib/me";
import { navigate } from "../../lib/router";
import { duration } from "../../lib/time";
import { toast } from "../../lib/toast";
import { Button, CopyButton } from "../../ui/button";
import { ask } from "../../ui/dialog";
import { Select } from "../../ui/field";
import { Ago, Badge, Code, Since } from "../../ui/parts";
import { Sparkline } from "../../ui/sparkline";
import { ScheduleForm } from "../schedules/form";
import { nameOf } from "./graph";
import { MODES } from "./register";

interface CardProps {
    view: Matview;
    changed: () => void;
}

/** What a refresh said when it failed is in the row too, but not its hint, nor that another was at it. */
function useRefresh(view: Matview, changed: () => void) {
    const [busy, setBusy] = useState(false);
    const refresh = () => {
        const name = nameOf(view.schemaName, view.viewName);
        setBusy(true);
        api.matviews
            .refresh(view.id)
            .then(
                ({ durationMs }) => toast.done(`${name} refreshed in ${duration(durationMs)}`),
                error =>
                    error instanceof ApiError && error.status
                        ? toast.failed(`${name}: ${error.message}`, error.details)
                        : toast.failure(error),
            )
            .finally(() => {
                setBusy(false);
                changed();
            });
        // So that "running since" is there before the refresh is done.
        window.setTimeout(changed, 300);
    };
    return { busy, refresh };
}

function Status({ view, busy }: { view: Matview; busy: boolean }) {
    if (view.refreshing || busy)
        return (
            <Badge tone="running" icon="retry">
                refreshing{view.refreshingSince && " for "}
                {view.refreshingSince && <Since at={view.refreshingSince} />}
            </Badge>
        );
    if (view.viewExists === false)
        return (
            <Badge tone="failed" icon="warning">
                the view is gone
            </Badge>
        );
    if (view.lastRefreshStatus === "error")
        return (
            <Badge tone="failed" icon="warning">
                failed
            </Badge>
        );
    if (!view.lastRefreshAt) return <Badge>never refreshed</Badge>;
    return (
        <Badge tone="completed" icon="check">
            refreshed
        </Badge>
    );
}

function Staleness({ view }: { view: Matview }) {
    const { estimatedChanges: changes } = view;
    return (
        <div>
            <dt>Last refresh</dt>
            <dd>
                <Ago at={view.lastRefreshAt} />
                {changes !== undefined && (
                    <span
                        class={changes > 0 ? "stale" : "muted"}
                        title={`${count(changes)} rows, by PostgreSQL's statistics`}
                    >
                        {changes > 0 ? `about ${compact(changes)} rows changed since` : "nothing changed since"}
                    </span>
                )}
            </dd>
        </div>
    );
}

function Durations({ view }: { view: Matview }) {
    const all = view.lastDurationsMs ?? [];
    const last = view.lastRefreshDurationMs;
    const label =
        all.length > 0
            ? `the last ${all.length} took ${duration(Math.min(...all))} to ${duration(Math.max(...all))}`
            : "";
    return (
        <div>
            <dt>Took</dt>
            <dd class="durations">
                {last === undefined ? <span class="muted">–</span> : last === 0 ? "< 1 ms" : duration(last)}
                {all.length > 1 && <Sparkline values={all} label={label} width={90} />}
            </dd>
        </div>
    );
}

/** What keeps it from being refreshed concurrently, and the statement that mends it. */
function Advice({ view }: { view: Matview }) {
    if (!view.concurrentAdvice) return null;
    const why = view.populated
        ? "A concurrent refresh needs a unique index on plain columns over all rows:"
        : "A concurrent refresh needs a populated view:";
    return (
        <div class={`advice ${view.refreshMode === "concurrent" ? "needed" : ""}`}>
            <p>{why}</p>
            <div class="advice-sql">
                <Code>{view.concurrentAdvice}</Code>
                <CopyButton text={view.concurrentAdvice} label="Copy the statement" />
            </div>
        </div>
    );
}

function changeMode(view: Matview, mode: RefreshMode, changed: () => void): void {
    const before = view.refreshMode;
    api.matviews
        .update(view.id, mode)
        .then(() => {
            toast.done(
                `${nameOf(view.schemaName, view.viewName)} is refreshed ${mode === "concurrent" ? "concurrently" : "in the standard way"} from now on`,
                () => api.matviews.update(view.id, before).catch(toast.failure).finally(changed),
            );
        }, toast.failure)
        .finally(changed);
}

function unregister(view: Matview, changed: () => void): void {
    const name = nameOf(view.schemaName, view.viewName);
    ask({
        title: "Unregister this view?",
        text: (
            <p>
                <bdi class="strong">{name}</bdi> stays as it is, but is refreshed here no more, and what is known of its
                refreshes is forgotten.
            </p>
        ),
        action: "Unregister",
        danger: true,
        run: () =>
            api.matviews.remove(view.id).then(() => {
                toast.done(`${name} unregistered`);
                changed();
            }),
    });
}

/** A schedule that refreshes it every night. */
const refreshOf = ({ schemaName, viewName }: Matview) => ({
    name: `refresh ${nameOf(schemaName, viewName)}`,
    jobType: "materialized_view_refresh",
    cronExpr: "0 3 * * *",
    payload: printJson({ schema_name: schemaName, view_name: viewName }),
});

export function Card({ view, changed }: CardProps) {
    const { busy, refresh } = useRefresh(view, changed);
    const [scheduling, setScheduling] = useState(false);
    const mayChange = useMay("admin");
    const name = nameOf(view.schemaName, view.viewName);
    return (
        <li class="view-card" aria-label={name}>
            <header>
                <h3>
                    <bdi>
                        <span class="view-schema">{view.schemaName}.</span>
                        {view.viewName}
                    </bdi>
                </h3>
                <Status view={view} busy={busy} />
                {view.skipUnchanged && (
                    <Badge>{view.neverSkippedBecause ? "never skipped" : "skipped when unchanged"}</Badge>
                )}
                <div class="view-actions">
                    {mayChange ? (
                        <Select
                            aria-label={`Refresh mode of ${name}`}
                            value={view.refreshMode}
                            options={MODES}
                            onChange={mode => changeMode(view, mode, changed)}
                        />
                    ) : (
                        <span class="muted">{view.refreshMode}</span>
                    )}
                    <Button icon="retry" right="operate" busy={busy || view.refreshing === true} onClick={refresh}>
                        Refresh now
                    </Button>
                    <Button icon="clock" right="admin" onClick={() => setScheduling(true)}>
                        Schedule
                    </Button>
                    <Button
                        kind="ghost"
                        icon="trash"
                        right="admin"
                        label={`Unregister ${name}`}
                        onClick={() => unregister(view, changed)}
                    />
                </div>
            </header>
            <dl class="view-facts">
                <Staleness view={view} />
                <Durations view={view} />
                <div>
                    <dt>Rows</dt>
                    <dd>
                        {view.lastRefreshRows === undefined ? (
                            <span class="muted">–</span>
                        ) : (
                            count(view.lastRefreshRows)
                        )}
                    </dd>
                </div>
                <div>
                    <dt>Size</dt>
                    <dd>{view.sizeBytes === undefined ? <span class="muted">–</span> : bytes(view.sizeBytes)}</dd>
                </div>
            </dl>
            {view.lastRefreshStatus === "error" && view.lastRefreshError && (
                <div class="view-error">
                    <Code>{view.lastRefreshError}</Code>
                </div>
            )}
            {view.neverSkippedBecause && (
                <p class="muted">
                    Refreshed even when unchanged: <bdi>{view.neverSkippedBecause}</bdi>
                </p>
            )}
            <Advice view={view} />
            {scheduling && (
                <ScheduleForm
                    first={refreshOf(view)}
                    onClose={() => setScheduling(false)}
                    onDone={saved => navigate(`/schedules/${saved.id}`)}
                />
            )}
        </li>
    );
}
