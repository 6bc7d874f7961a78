// What the form of a schedule holds, and what it says to the API.
import type { Schedule } from "./api";
import { attemptsError, type Errors, jsonError } from "./form";
import { printJson } from "./json";

export type Name =
    | "name"
    | "jobType"
    | "cronExpr"
    | "timezone"
    | "payload"
    | "maxAttempts"
    | "overlap"
    | "missed"
    | "enabled";
export type Values = Record<Name, string>;

/** Of the rule alone, which the preview looks at as one types. */
export const RULE_FIELDS = ["cronExpr", "timezone"] as const;

export function start(schedule: Schedule | undefined): Values {
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

export function check(values: Values): Errors<Name> {
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
export function bodyOf(values: Values, isNew: boolean): string {
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
