// The whole rule of a type's limit: what is left empty is not limited.
import { api, type JobType, type LimitRule } from "../../lib/api";
import { type Errors, useForm } from "../../lib/form";
import { toast } from "../../lib/toast";
import { FormDialog } from "../../ui/dialog";
import { Field, Select, TextInput } from "../../ui/field";

const NUMBERS = ["running", "runningPerKey", "starts", "startsPerKey"] as const;

interface Values extends Record<(typeof NUMBERS)[number] | "perSec" | "ordered", string> {}

const LABELS = {
    running: { label: "At once", hint: "attempts that run" },
    runningPerKey: { label: "At once of a key", hint: "of jobs with the same partition key" },
    starts: { label: "Starts", hint: "in the time below, retries too" },
    startsPerKey: { label: "Starts of a key", hint: "in the time below" },
} as const;

function check(values: Values): Errors<keyof Values> {
    const errors: Errors<keyof Values> = {};
    for (const name of NUMBERS)
        if (values[name] && !(Number.isInteger(Number(values[name])) && Number(values[name]) >= 1))
            errors[name] = "A number from 1 on";
    const seconds = Number(values.perSec);
    if (values.perSec && !(seconds >= 0.001 && seconds <= 3600)) errors.perSec = "Seconds, from 0.001 to 3600";
    if ((values.starts || values.startsPerKey) && !values.perSec) errors.perSec = "The time in which so many start";
    if (values.perSec && !values.starts && !values.startsPerKey) errors.starts = "How many start in that time";
    if (!values.ordered && NUMBERS.every(name => !values[name])) errors.form = "No limit is given";
    return errors;
}

function ruleOf(values: Values): LimitRule {
    const rule: LimitRule = {};
    for (const name of [...NUMBERS, "perSec"] as const) if (values[name]) rule[name] = Number(values[name]);
    if (values.ordered) rule.ordered = true;
    return rule;
}

function startOf({ limit }: JobType): Values {
    const of = (name: (typeof NUMBERS)[number] | "perSec") => String(limit?.[name] ?? "");
    return {
        running: of("running"),
        runningPerKey: of("runningPerKey"),
        starts: of("starts"),
        startsPerKey: of("startsPerKey"),
        perSec: of("perSec"),
        ordered: limit?.ordered ? "yes" : "",
    };
}

interface LimitFormProps {
    type: JobType;
    onClose: () => void;
    onDone: (type: JobType) => void;
}

export function LimitForm({ type, onClose, onDone }: LimitFormProps) {
    const { values, errors, busy, change, submit } = useForm<keyof Values>({
        start: startOf(type),
        check,
        send: async now => {
            const changed = await api.types.setLimit(type.type, ruleOf(now));
            toast.done(`${type.type} is limited`);
            onDone(changed);
        },
    });
    return (
        <FormDialog
            title={`The limit of ${type.type}`}
            action="Set the limit"
            busy={busy}
            error={errors.form}
            submit={submit}
            onClose={onClose}
        >
            {NUMBERS.map(name => (
                <Field key={name} {...LABELS[name]} error={errors[name]} optional>
                    {ties => <TextInput {...ties} type="number" min={1} value={values[name]} onText={change(name)} />}
                </Field>
            ))}
            <Field label="In so many seconds" error={errors.perSec} optional>
                {ties => <TextInput {...ties} type="number" min={0} value={values.perSec} onText={change("perSec")} />}
            </Field>
            <Field label="The jobs of a key" error={errors.ordered}>
                {ties => (
                    <Select
                        {...ties}
                        value={values.ordered}
                        options={[
                            { value: "", label: "in any order" },
                            { value: "yes", label: "one after another, in order" },
                        ]}
                        onChange={change("ordered")}
                    />
                )}
            </Field>
        </FormDialog>
    );
}
