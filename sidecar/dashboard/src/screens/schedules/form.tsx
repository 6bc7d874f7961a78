// A schedule is made or changed.
import { api, type Schedule } from "../../lib/api";
import { useForm } from "../../lib/form";
import { bodyOf, check, start, type Values } from "../../lib/schedule-form";
import { toast } from "../../lib/toast";
import { Dialog, FormError, FormFoot } from "../../ui/dialog";
import { Identity, type PartProps, RuleFields, TickFields } from "./fields";
import { RulePreview, useRule } from "./rule";

interface FormProps {
    schedule?: Schedule;
    /** What a new one begins with. */
    first?: Partial<Values>;
    onClose: () => void;
    onDone: (schedule: Schedule) => void;
}

export function ScheduleForm({ schedule, first, onClose, onDone }: FormProps) {
    const isNew = !schedule;
    const { values, errors, busy, change, submit } = useForm({
        start: { ...start(schedule), ...first },
        check,
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
    const part: PartProps = { values, errors: { ...errors, ...rule.errors }, change };
    return (
        <Dialog title={schedule ? `Change ${schedule.name}` : "New schedule"} wide onClose={onClose}>
            <form onSubmit={submit} noValidate>
                <div class="dialog-body schedule-form">
                    <div class="form">
                        {isNew && <Identity {...part} />}
                        <RuleFields {...part} />
                    </div>
                    <RulePreview rule={rule} zone={values.timezone.trim()} />
                    <div class="form">
                        <TickFields {...part} isNew={isNew} />
                        <FormError error={part.errors.form} />
                    </div>
                </div>
                <FormFoot action={isNew ? "Create" : "Save"} busy={busy} onClose={onClose} />
            </form>
        </Dialog>
    );
}
