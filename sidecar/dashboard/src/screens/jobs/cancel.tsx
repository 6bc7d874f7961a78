// The one question before a job is canceled, or deleted, wherever that is asked for.
import { api, type Job } from "../../lib/api";
import { shortId } from "../../lib/format";
import { toast } from "../../lib/toast";
import { heldBy } from "../../lib/verbs";
import { ask } from "../../ui/dialog";

interface Cancelable {
    id: string;
    type: string;
    running: boolean;
}

export function confirmCancel({ id, type, running }: Cancelable, done: (canceled: Job) => void): void {
    ask({
        title: "Cancel this job?",
        text: (
            <>
                <p>
                    The job <code>{shortId(id)}</code> of type <bdi class="strong">{type}</bdi>{" "}
                    {running
                        ? "is interrupted, and what it has done in its transaction is undone. It will not run again."
                        : "will not run."}
                </p>
                <p>A canceled job may still be run by hand.</p>
            </>
        ),
        action: "Cancel the job",
        leave: running ? "Let it run" : "Keep it",
        danger: true,
        run: () =>
            api.jobs.cancel(id, running).then(canceled => {
                toast.done(`Job ${shortId(id)} canceled`);
                done(canceled);
            }),
    });
}

export function confirmDelete({ id, type }: Pick<Job, "id" | "type">, done: () => void): void {
    ask({
        title: "Delete this job?",
        text: (
            <p>
                Nothing is left of the job <code>{shortId(id)}</code> of type <bdi class="strong">{type}</bdi>: no
                payload, no result, no attempt. That can't be undone.
            </p>
        ),
        action: "Delete the job",
        leave: "Keep it",
        danger: true,
        run: () =>
            api.jobs.remove(id).then(left => {
                toast.done(`Job ${shortId(id)} deleted${heldBy(left?.holders ?? [])}`);
                done();
            }),
    });
}
