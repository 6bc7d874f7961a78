// A job as a statement and as a command that would enqueue it again.
import type { Job } from "./api";
import { printJson } from "./json";

/** A literal that means the same whatever standard_conforming_strings is. */
export function sqlLiteral(text: string): string {
    const quoted = text.replaceAll("'", "''");
    return text.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

export function asSql(job: Job): string {
    const parts = [
        `type => ${sqlLiteral(job.type)}`,
        `payload => ${sqlLiteral(printJson(job.payload, 0))}`,
        `max_attempts => ${job.maxAttempts}`,
        ...(job.runAs ? [`run_as => ${sqlLiteral(job.runAs)}`] : []),
    ];
    return `SELECT ayb_jobs.enqueue(\n    ${parts.join(",\n    ")});\n`;
}

const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function asCurl(job: Job, page: string): string {
    const body = [
        `"type":${JSON.stringify(job.type)}`,
        `"payload":${printJson(job.payload, 0)}`,
        `"maxAttempts":${job.maxAttempts}`,
        ...(job.runAs ? [`"runAs":${JSON.stringify(job.runAs)}`] : []),
    ];
    const url = new URL("api/admin/jobs", page.split("#")[0]).href;
    return (
        `curl -X POST ${shellWord(url)} \\\n    -H "Authorization: Bearer $AYB_ADMIN_TOKEN" \\\n` +
        `    --data-binary ${shellWord(`{${body.join(",")}}`)}\n`
    );
}
