// The fields of a schedule's form, in its three parts.
import type { Errors } from "../../lib/form";
import type { Name, Values } from "../../lib/schedule-form";
import { viewerZone } from "../../lib/time";
import { Choice, Field, Select, TextArea, TextInput } from "../../ui/field";
import { useTypes } from "../jobs/filters";

/** What a part needs of the form. */
export interface PartProps {
    values: Values;
    errors: Errors<Name>;
    change: (name: Name) => (text: string) => void;
}

const RULES = [
    { rule: "*/15 * * * *", label: "every 15 min" },
    { rule: "0 * * * *", label: "hourly" },
    { rule: "0 3 * * *", label: "daily" },
    { rule: "0 9 * * MON-FRI", label: "weekdays" },
    { rule: "0 0 1 * *", label: "monthly" },
];

const OVERLAPS = [
    { value: "skip", label: "Leave the tick out" },
    { value: "queue", label: "Enqueue another" },
];
const MISSED = [
    { value: "once", label: "Make up for them once" },
    { value: "all", label: "Make up for each" },
    { value: "skip", label: "Let them be" },
];

const ZONES = [...new Set(["UTC", viewerZone, ...Intl.supportedValuesOf("timeZone")])];

const BEGINS = [
    { value: "true", label: "At once" },
    { value: "false", label: "Disabled" },
];

/** What never changes afterwards. */
export function Identity({ values, errors, change }: PartProps) {
    const types = useTypes();
    return (
        <div class="form-pair">
            <Field label="Name" error={errors.name}>
                {ties => <TextInput {...ties} maxLength={100} value={values.name} onText={change("name")} />}
            </Field>
            <Field label="Job type" error={errors.jobType}>
                {ties => (
                    <TextInput
                        {...ties}
                        mono
                        maxLength={100}
                        list="schedule-types"
                        value={values.jobType}
                        onText={change("jobType")}
                    />
                )}
            </Field>
            <datalist id="schedule-types">
                {types.map(type => (
                    <option key={type} value={type} />
                ))}
            </datalist>
        </div>
    );
}

function Picks({ onPick }: { onPick: (rule: string) => void }) {
    return (
        <span class="rule-picks">
            {RULES.map(({ rule, label }) => (
                <button key={rule} type="button" class="pick" onClick={() => onPick(rule)}>
                    {label}
                </button>
            ))}
        </span>
    );
}

export function RuleFields({ values, errors, change }: PartProps) {
    return (
        <div class="rule-pair">
            <Field label="Rule" hint={<Picks onPick={change("cronExpr")} />} error={errors.cronExpr}>
                {ties => (
                    <TextInput
                        {...ties}
                        mono
                        placeholder="minute hour day month weekday"
                        value={values.cronExpr}
                        onText={change("cronExpr")}
                    />
                )}
            </Field>
            <Field label="Time zone" error={errors.timezone}>
                {ties => <TextInput {...ties} list="zones" value={values.timezone} onText={change("timezone")} />}
            </Field>
            <datalist id="zones">
                {ZONES.map(zone => (
                    <option key={zone} value={zone} />
                ))}
            </datalist>
        </div>
    );
}

/** What a tick enqueues, and what becomes of it where it can't. */
export function TickFields({ values, errors, change, isNew }: PartProps & { isNew: boolean }) {
    return (
        <>
            <Field label="Payload" error={errors.payload}>
                {ties => <TextArea {...ties} rows={3} value={values.payload} onText={change("payload")} />}
            </Field>
            <div class="form-pair">
                <Field label="If its last job isn't finished" error={errors.overlap}>
                    {ties => (
                        <Select {...ties} value={values.overlap} options={OVERLAPS} onChange={change("overlap")} />
                    )}
                </Field>
                <Field label="If ticks were missed" error={errors.missed}>
                    {ties => <Select {...ties} value={values.missed} options={MISSED} onChange={change("missed")} />}
                </Field>
                <Field label="Attempts" optional error={errors.maxAttempts}>
                    {ties => (
                        <TextInput
                            {...ties}
                            type="number"
                            min={1}
                            placeholder="3"
                            value={values.maxAttempts}
                            onText={change("maxAttempts")}
                        />
                    )}
                </Field>
                {isNew && (
                    <div class="field">
                        <span class="field-label">Begins</span>
                        <Choice label="Begins" value={values.enabled} options={BEGINS} onChange={change("enabled")} />
                    </div>
                )}
            </div>
        </>
    );
}
