// What health() warns of, with what mends it; or, in a line that unfolds, that all is well.
import type { Check } from "../../lib/api";
import { plural } from "../../lib/format";
import { CopyButton } from "../../ui/button";
import { Icon } from "../../ui/icon";

const words = (name: string): string => name.replaceAll("_", " ");

function Warning({ check }: { check: Check }) {
    return (
        <li class={`warning-item ${check.status}`}>
            <Icon name="warning" />
            <div class="warning-text">
                <p>
                    <span class="strong">{words(check.name)}</span>
                    <span class="sr-only">: {check.status}</span>
                </p>
                <p>
                    <bdi>{check.detail}</bdi>
                </p>
                {check.hint && (
                    <p class="warning-hint">
                        <bdi>{check.hint}</bdi>
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
