// What one does with a schedule; the list and its own page have the same.
import { useState } from "preact/hooks";
import { api, type Schedule } from "../../lib/api";
import { useMay } from "../../lib/me";
import { toast } from "../../lib/toast";
import { ask } from "../../ui/dialog";

export async function runNow(schedule: Schedule, done: () => void): Promise<void> {
    await api.schedules.run(schedule.id);
    toast.done(`A job of ${schedule.name} is enqueued`);
    done();
}

export function confirmRemoval(schedule: Schedule, done: () => void): void {
    ask({
        title: "Delete this schedule?",
        text: (
            <p>
                <bdi class="strong">{schedule.name}</bdi> will enqueue no more jobs. Those that it has enqueued stay.
            </p>
        ),
        action: "Delete it",
        danger: true,
        run: () =>
            api.schedules.remove(schedule.id).then(() => {
                toast.done(`${schedule.name} is deleted`);
                done();
            }),
    });
}

/** On or off, at once; what went wrong puts it back. */
export function Switch({ schedule, done }: { schedule: Schedule; done: (changed: Schedule) => void }) {
    const [busy, setBusy] = useState(false);
    const may = useMay("admin");
    const flip = () => {
        if (busy) return;
        setBusy(true);
        const { id, name, enabled } = schedule;
        (enabled ? api.schedules.disable(id) : api.schedules.enable(id))
            .then(changed => {
                toast.done(`${name} is ${enabled ? "disabled" : "enabled"}`);
                done(changed);
            })
            .catch(toast.failure)
            .finally(() => setBusy(false));
    };
    if (!may) return <span class="muted">{schedule.enabled ? "on" : "off"}</span>;
    return (
        <button
            type="button"
            role="switch"
            class="switch"
            aria-checked={schedule.enabled}
            aria-busy={busy || undefined}
            aria-label={`${schedule.name} enabled`}
            onClick={flip}
        >
            <span class="switch-knob" />
        </button>
    );
}
