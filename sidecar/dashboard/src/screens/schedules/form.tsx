// A schedule is made or changed.
import { api, type Schedule } from "../../lib/api";
import { attemptsError, type Errors, jsonError, type Patterns, useForm } from "../../lib/form";
import { printJson } from "../../lib/json";
import { viewerZone } from "../../lib/time";
import { toast } from "../../lib/toast";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Choice, Field, Select, TextArea, TextInput } from "../../ui/field";
import { useTypes } from "../jobs/filters";
import { RULE_PATTERNS, RulePreview, useRule } from "./rule";

type Name = "name" | "jobType" | "cronExpr" | "timezone" | "payload" | "maxAttempts" | "overlap" | "missed" | "enabled";
type Values = Record<Name, string>;

const PATTERNS: Patterns<Name> = [
    ["name", /^name|schedule name/],
    ["jobType", /jobType|type/],
    ...RULE_PATTERNS,
    ["payload", /JSON|unicode/i],
    ["maxAttempts", /max_?attempts/i],
    ["overlap", /overlap/],
    ["missed", /missed/],
];

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

function start(schedule: Schedule | undefined): Values {
    return {
        name: schedule?.name ?? "",
        jobType: schedule?.jobType ?? "",
        cronExpr: schedule?.cronExpr ?? "",
        timezone: schedule?.timezone ?? "UTC",
        payload: schedule ? printJson(schedule.payload) : "{}",
        maxAttempts: schedule ? String(schedule.maxAttempts) : "",
        overlap: schedule?.overlap ?? "skip",
        missed: schedule?.missed ?? "once",
        enabled: "true",
    };
}

function check(values: Values): Errors<Name> {
    return {
        name: values.name.trim() ? undefined : "A schedule has a name",
        jobType: values.jobType.trim() ? undefined : "Each tick enqueues a job of a type",
        cronExpr: values.cronExpr.trim() ? undefined : "A schedule has a rule",
        timezone: values.timezone.trim() ? undefined : "A rule is read by the clock of a zone",
        payload: jsonError(values.payload),
        maxAttempts: attemptsError(values.maxAttempts),
    };
}

/** JSON's text: the payload goes as it was typed. */
function bodyOf(values: Values, isNew: boolean): string {
    const { cronExpr, timezone, overlap, missed } = values;
    const plain = { cronExpr, timezone: timezone.trim(), overlap, missed };
    const more = { name: values.name.trim(), jobType: values.jobType.trim(), enabled: values.enabled === "true" };
    const fields = {
        ...plain,
        ...(isNew && more),
        ...(values.maxAttempts && { maxAttempts: Number(values.maxAttempts) }),
    };
    return `{"payload":${values.payload},${JSON.stringify(fields).slice(1)}`;
}

const zones = [...new Set(["UTC", viewerZone, ...Intl.supportedValuesOf("timeZone")])];

interface FormProps {
    schedule?: Schedule;
    onClose: () => void;
    onDone: (schedule: Schedule) => void;
}

export function ScheduleForm({ schedule, onClose, onDone }: FormProps) {
    const isNew = !schedule;
    const types = useTypes();
    const { values, errors, busy, change, submit } = useForm({
        start: start(schedule),
        check,
        patterns: PATTERNS,
        send: async values => {
            const body = bodyOf(values, isNew);
            const saved = await (schedule ? api.schedules.update(schedule.id, body) : api.schedules.create(body));
            toast.done(`${saved.name} is ${isNew ? "there" : "changed"}`);
            onClose();
            onDone(saved);
        },
    });
    const rule = useRule(values.cronExpr, values.timezone);
    // What the preview says of the rule is newer than what saving it said.
    const shown: Errors<Name> = { ...errors, ...rule.errors };
    return (
        <Dialog title={schedule ? `Change ${schedule.name}` : "New schedule"} wide onClose={onClose}>
            <form onSubmit={submit} noValidate>
                <div class="dialog-body schedule-form">
                    <div class="form">
                        {isNew && (
                            <div class="form-pair">
                                <Field label="Name" error={shown.name}>
                                    {ties => (
                                        <TextInput
                                            {...ties}
                                            maxLength={100}
                                            value={values.name}
                                            onText={change("name")}
                                        />
                                    )}
                                </Field>
                                <Field label="Job type" error={shown.jobType}>
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
                            </div>
                        )}
                        <datalist id="schedule-types">
                            {types.map(type => (
                                <option key={type} value={type} />
                            ))}
                        </datalist>
                        <div class="rule-pair">
                            <Field
                                label="Rule"
                                hint={
                                    <span class="rule-picks">
                                        {RULES.map(({ rule: text, label }) => (
                                            <button
                                                key={text}
                                                type="button"
                                                class="pick"
                                                onClick={() => change("cronExpr")(text)}
                                            >
                                                {label}
                                            </button>
                                        ))}
                                    </span>
                                }
                                error={shown.cronExpr}
                            >
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
                            <Field label="Time zone" error={shown.timezone}>
                                {ties => (
                                    <TextInput
                                        {...ties}
                                        list="zones"
                                        value={values.timezone}
                                        onText={change("timezone")}
                                    />
                                )}
                            </Field>
                        </div>
                        <datalist id="zones">
                            {zones.map(zone => (
                                <option key={zone} value={zone} />
                            ))}
                        </datalist>
                    </div>
                    <RulePreview rule={rule} zone={values.timezone.trim()} />
                    <div class="form">
                        <Field label="Payload" error={shown.payload}>
                            {ties => <TextArea {...ties} rows={3} value={values.payload} onText={change("payload")} />}
                        </Field>
                        <div class="form-pair">
                            <Field label="If its last job isn't finished" error={shown.overlap}>
                                {ties => (
                                    <Select
                                        {...ties}
                                        value={values.overlap}
                                        options={OVERLAPS}
                                        onChange={change("overlap")}
                                    />
                                )}
                            </Field>
                            <Field label="If ticks were missed" error={shown.missed}>
                                {ties => (
                                    <Select
                                        {...ties}
                                        value={values.missed}
                                        options={MISSED}
                                        onChange={change("missed")}
                                    />
                                )}
                            </Field>
                            <Field label="Attempts" optional error={shown.maxAttempts}>
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
                                    <Choice
                                        label="Begins"
                                        value={values.enabled}
                                        options={[
                                            { value: "true", label: "At once" },
                                            { value: "false", label: "Disabled" },
                                        ]}
                                        onChange={change("enabled")}
                                    />
                                </div>
                            )}
                        </div>
                        <div class="field-error" role="alert">
                            {shown.form && <bdi>{shown.form}</bdi>}
                        </div>
                    </div>
                </div>
                <footer class="dialog-foot">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button type="submit" kind="primary" busy={busy}>
                        {isNew ? "Create" : "Save"}
                    </Button>
                </footer>
            </form>
        </Dialog>
    );
}
