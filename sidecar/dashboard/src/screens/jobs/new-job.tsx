import { api, type Job } from "../../lib/api";
import { attemptsError, type Errors, jsonError, useForm } from "../../lib/form";
import { printJson } from "../../lib/json";
import { navigate } from "../../lib/router";
import { toast } from "../../lib/toast";
import { FormDialog } from "../../ui/dialog";
import { Field, TextArea, TextInput } from "../../ui/field";
import { useTypes } from "./filters";

const EMPTY = { type: "", payload: "{}", runAt: "", maxAttempts: "", idempotencyKey: "", runAs: "" };
type Values = typeof EMPTY;
type Name = keyof Values;

function check(values: Values): Errors<Name> {
    return {
        type: values.type.trim() ? undefined : "A job has a type",
        payload: jsonError(values.payload),
        runAt: values.runAt && Number.isNaN(Date.parse(values.runAt)) ? "A year of four digits" : undefined,
        maxAttempts: attemptsError(values.maxAttempts),
    };
}

/** JSON's text: the payload goes as it was typed, with every digit. */
function bodyOf(values: Values): string {
    const parts = [`"type":${JSON.stringify(values.type.trim())}`, `"payload":${values.payload}`];
    if (values.runAt) parts.push(`"runAt":${JSON.stringify(new Date(values.runAt).toISOString())}`);
    if (values.maxAttempts) parts.push(`"maxAttempts":${Number(values.maxAttempts)}`);
    if (values.idempotencyKey) parts.push(`"idempotencyKey":${JSON.stringify(values.idempotencyKey)}`);
    if (values.runAs) parts.push(`"runAs":${JSON.stringify(values.runAs)}`);
    return `{${parts.join(",")}}`;
}

const startOf = (first: Job | undefined): Values => ({
    ...EMPTY,
    ...(first && {
        type: first.type,
        payload: printJson(first.payload),
        maxAttempts: String(first.maxAttempts),
        runAs: first.runAs,
    }),
});

/** `first`: a job like that one. */
export function NewJob({ first, onClose }: { first?: Job; onClose: () => void }) {
    const types = useTypes();
    const { values, errors, busy, change, submit } = useForm({
        start: startOf(first),
        check,
        send: async values => {
            const job = await api.jobs.create(bodyOf(values));
            toast.done("Job enqueued");
            onClose();
            navigate(`/jobs/${job.id}`);
        },
    });
    return (
        <FormDialog title="New job" action="Enqueue" busy={busy} error={errors.form} submit={submit} onClose={onClose}>
            <Field label="Type" error={errors.type}>
                {ties => (
                    <TextInput
                        {...ties}
                        mono
                        list="new-job-types"
                        maxLength={100}
                        value={values.type}
                        onText={change("type")}
                    />
                )}
            </Field>
            <datalist id="new-job-types">
                {types.map(type => (
                    <option key={type} value={type} />
                ))}
            </datalist>
            <Field label="Payload" hint="JSON, which its handler is given" error={errors.payload}>
                {ties => <TextArea {...ties} rows={6} value={values.payload} onText={change("payload")} />}
            </Field>
            <div class="form-pair">
                <Field label="Run at" optional hint="in your time; empty: now" error={errors.runAt}>
                    {ties => (
                        <TextInput
                            {...ties}
                            type="datetime-local"
                            step={1}
                            value={values.runAt}
                            onText={change("runAt")}
                        />
                    )}
                </Field>
                <Field label="Attempts" optional hint="empty: what the handler says" error={errors.maxAttempts}>
                    {ties => (
                        <TextInput
                            {...ties}
                            type="number"
                            min={1}
                            value={values.maxAttempts}
                            onText={change("maxAttempts")}
                        />
                    )}
                </Field>
                <Field label="Idempotency key" optional hint="the same key, the same job" error={errors.idempotencyKey}>
                    {ties => (
                        <TextInput {...ties} mono value={values.idempotencyKey} onText={change("idempotencyKey")} />
                    )}
                </Field>
                <Field label="Run as" optional hint="a role; empty: that of the sidecar" error={errors.runAs}>
                    {ties => <TextInput {...ties} mono value={values.runAs} onText={change("runAs")} />}
                </Field>
            </div>
        </FormDialog>
    );
}
