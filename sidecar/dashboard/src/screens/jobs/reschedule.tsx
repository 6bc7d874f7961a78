// When a queued job runs, and before which others.
import { api, type Job } from "../../lib/api";
import { type Errors, useForm } from "../../lib/form";
import { shortId } from "../../lib/format";
import { toLocal } from "../../lib/time";
import { toast } from "../../lib/toast";
import { FormDialog } from "../../ui/dialog";
import { Field, Select, TextInput } from "../../ui/field";

interface Values extends Record<"runAt" | "priority", string> {}

const PRIORITIES = [-4, -3, -2, -1, 0, 1, 2, 3, 4].map(level => ({
    value: String(level),
    label: level === -4 ? "−4, first" : level === 4 ? "4, last" : String(level).replace("-", "−"),
}));

const check = ({ runAt }: Values): Errors<keyof Values> => ({
    runAt: runAt && !Number.isNaN(Date.parse(runAt)) ? undefined : "A day and a time",
});

interface RescheduleProps {
    job: Job;
    onClose: () => void;
    onDone: (job: Job) => void;
}

export function Reschedule({ job, onClose, onDone }: RescheduleProps) {
    const start: Values = { runAt: toLocal(job.runAt, "second"), priority: String(job.priority ?? 0) };
    const { values, errors, busy, change, submit } = useForm({
        start,
        check,
        send: async now => {
            const changed = await api.jobs.change(job.id, {
                ...(now.runAt !== start.runAt && { runAt: new Date(now.runAt).toISOString() }),
                ...((now.priority !== start.priority || now.runAt === start.runAt) && {
                    priority: Number(now.priority),
                }),
            });
            toast.done(`Job ${shortId(job.id)} is changed`);
            onClose();
            onDone(changed);
        },
    });
    return (
        <FormDialog
            title="Reschedule this job"
            action="Save"
            busy={busy}
            error={errors.form}
            submit={submit}
            onClose={onClose}
        >
            <Field label="Run at" hint="in your time" error={errors.runAt}>
                {ties => (
                    <TextInput {...ties} type="datetime-local" step={1} value={values.runAt} onText={change("runAt")} />
                )}
            </Field>
            <Field label="Priority" error={errors.priority}>
                {ties => (
                    <Select {...ties} value={values.priority} options={PRIORITIES} onChange={change("priority")} />
                )}
            </Field>
        </FormDialog>
    );
}
