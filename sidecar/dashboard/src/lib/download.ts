// What is shown, as a file.
import { api, type BriefJob, type JobFilter } from "./api";

const PAGE = 500;
/** Of so many jobs at most. */
export const MOST_EXPORTED = 10_000;

const COLUMNS = [
    "id",
    "type",
    "state",
    "phase",
    "runAt",
    "attempts",
    "maxAttempts",
    "lastError",
    "createdAt",
    "updatedAt",
    "completedAt",
    "canceledAt",
    "runAs",
    "partitionKey",
    "payloadText",
] as const satisfies readonly (keyof BriefJob)[];

/** A field of RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe. */
export function csvField(value: unknown): string {
    const text = value === undefined || value === null ? "" : String(value);
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const asCsv = (jobs: readonly BriefJob[]): string =>
    [COLUMNS, ...jobs.map(job => COLUMNS.map(name => job[name]))]
        .map(fields => `${fields.map(csvField).join(",")}\r\n`)
        .join("");

/** The jobs of a filter, the newest first; `more`: there are others. */
export async function collect(filter: JobFilter): Promise<{ jobs: BriefJob[]; more: boolean }> {
    const jobs: BriefJob[] = [];
    let cursor: string | undefined;
    do {
        const page = await api.jobs.list({ ...filter, limit: PAGE, cursor });
        jobs.push(...page.items);
        cursor = page.nextCursor;
    } while (cursor && jobs.length < MOST_EXPORTED);
    return { jobs: jobs.slice(0, MOST_EXPORTED), more: Boolean(cursor) || jobs.length > MOST_EXPORTED };
}

export function save(name: string, type: string, text: string): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
