import { asCsv, collect, MOST_EXPORTED, save } from "../../lib/download";
import { plural } from "../../lib/format";
import { type JobQuery, toFilter } from "../../lib/job-filter";
import { toast } from "../../lib/toast";
import { ActionButton } from "../../ui/button";

/** The jobs that match, as a file. */
export function Export({ query }: { query: JobQuery }) {
    const to = (kind: "csv" | "json") => async () => {
        const { jobs, more } = await collect(toFilter(query));
        const text = kind === "csv" ? asCsv(jobs) : `${JSON.stringify(jobs, null, 2)}\n`;
        save(`jobs.${kind}`, kind === "csv" ? "text/csv" : "application/json", text);
        const cut = more ? `, the newest ${MOST_EXPORTED.toLocaleString("en-US")} of them` : "";
        toast.done(`${plural(jobs.length, "job")} exported${cut}`);
    };
    return (
        <>
            <ActionButton small kind="ghost" action={to("csv")} title="Export what matches as CSV">
                CSV
            </ActionButton>
            <ActionButton small kind="ghost" action={to("json")} title="Export what matches as JSON">
                JSON
            </ActionButton>
        </>
    );
}
