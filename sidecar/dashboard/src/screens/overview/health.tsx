// What health() warns of, with what mends it; or, in a line that unfolds, that all is well.
import type { Check } from "../../lib/api";
import { plural, shortId } from "../../lib/format";
import type { QueryPatch } from "../../lib/router";
import { CopyButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Link } from "../../ui/parts";

// Where what a check warns of can be seen, and often mended.
const PLACES: Record<string, { to: string; query?: QueryPatch; label: string }> = {
    paused: { to: "/types", label: "Types" },
    limits: { to: "/types", label: "Types" },
    handlers: { to: "/jobs", query: { state: "queued", phase: "waiting" }, label: "Jobs that wait" },
    trust: { to: "/jobs", query: { state: "queued", phase: "waiting" }, label: "Jobs that wait" },
    oldest_due: { to: "/jobs", query: { state: "queued", phase: "due" }, label: "Due jobs" },
    timeouts: { to: "/workers", label: "Workers" },
    lanes: { to: "/workers", label: "Lanes" },
    worker_slots: { to: "/workers", label: "Workers" },
    leases_lost: { to: "/errors", label: "Errors" },
    endless: { to: "/jobs", query: { state: "queued" }, label: "Queued jobs" },
    schedules: { to: "/schedules", label: "Schedules" },
    schedule_jobs: { to: "/schedules", label: "Schedules" },
    ticks: { to: "/schedules", label: "Schedules" },
    matviews: { to: "/views", label: "Views" },
};

const UUID = /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/;

/** Text in which ids lead to what they are of: below `of`. */
function Linked({ text, of }: { text: string; of: string }) {
    return (
        <bdi>
            {text.split(UUID).map((part, at) =>
                at % 2 ? (
                    <Link key={at} to={`${of}/${part}`}>
                        <code>{shortId(part)}</code>
                    </Link>
                ) : (
                    part
                ),
            )}
        </bdi>
    );
}

// What the ids in a check's words are of, where that isn't jobs.
const IDS_OF: Record<string, string> = { schedules: "/schedules", matviews: "/views" };

const words = (name: string): string => name.replaceAll("_", " ");

function Warning({ check }: { check: Check }) {
    const place = PLACES[check.name];
    const of = IDS_OF[check.name] ?? "/jobs";
    return (
        <li class={`warning-item ${check.status}`}>
            <Icon name="warning" />
            <div class="warning-text">
                <p>
                    <span class="strong">{words(check.name)}</span>
                    <span class="sr-only">: {check.status}</span>
                </p>
                <p>
                    <Linked text={check.detail} of={of} />{" "}
                    {place && (
                        <Link to={place.to} {...(place.query && { query: place.query })} class="strong">
                            {place.label}
                        </Link>
                    )}
                </p>
                {check.hint && (
                    <p class="warning-hint">
                        <Linked text={check.hint} of={of} />
                        <CopyButton text={check.hint} label="Copy the hint" />
                    </p>
                )}
            </div>
        </li>
    );
}

const errorsFirst = (a: Check, b: Check): number => Number(b.status === "error") - Number(a.status === "error");

export function Warnings({ checks }: { checks: readonly Check[] }) {
    const bad = checks.filter(check => check.status !== "ok").sort(errorsFirst);
    if (bad.length === 0) return null;
    return (
        <section aria-label="Warnings" class="warnings">
            <ul>
                {bad.map(check => (
                    <Warning key={check.name} check={check} />
                ))}
            </ul>
        </section>
    );
}

export function Fine({ checks }: { checks: readonly Check[] }) {
    const good = checks.filter(check => check.status === "ok");
    return (
        <details class="fine">
            <summary>
                <Icon name="check" size={14} />
                {good.length === checks.length ? "All is well: " : ""}
                {plural(good.length, "check")} fine
            </summary>
            <dl>
                {good.map(check => (
                    <div key={check.name}>
                        <dt>{words(check.name)}</dt>
                        <dd>
                            <bdi>{check.detail}</bdi>
                        </dd>
                    </div>
                ))}
            </dl>
        </details>
    );
}
