// What a rule means, shown as one types it.
import { useEffect, useState } from "preact/hooks";
import { api, type Preview } from "../../lib/api";
import { type Errors, errorsOf } from "../../lib/form";
import { RULE_FIELDS } from "../../lib/schedule-form";
import { Instants } from "./instants";

const TYPING_MS = 200;
const SHOWN = 5;

interface Rule {
    preview: Preview | undefined; // of a rule that is right, until the next answer is there
    errors: Errors<"cronExpr" | "timezone">;
}

export function useRule(cronExpr: string, timezone: string): Rule {
    const [rule, setRule] = useState<Rule>({ preview: undefined, errors: {} });
    useEffect(() => {
        if (!cronExpr.trim() || !timezone.trim()) return setRule({ preview: undefined, errors: {} });
        const abort = new AbortController();
        const timer = window.setTimeout(() => {
            api.schedules.preview(cronExpr, timezone.trim(), SHOWN, abort.signal).then(
                preview => setRule({ preview, errors: {} }),
                error => {
                    if (!abort.signal.aborted) setRule({ preview: undefined, errors: errorsOf(error, RULE_FIELDS) });
                },
            );
        }, TYPING_MS);
        return () => {
            window.clearTimeout(timer);
            abort.abort();
        };
    }, [cronExpr, timezone]);
    return rule;
}

export function RulePreview({ rule, zone }: { rule: Rule; zone: string }) {
    return (
        <div class="rule-preview" aria-live="polite">
            {rule.preview ? (
                <>
                    <p class="rule-words">{rule.preview.description}</p>
                    <Instants preview={rule.preview} zone={zone} />
                </>
            ) : (
                <p class="muted">What the rule says, and when it comes next, stands here as you type.</p>
            )}
        </div>
    );
}
