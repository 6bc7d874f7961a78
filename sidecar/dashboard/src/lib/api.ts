// The admin API, typed: docs/reference/api.md. Nulls are left out there, so they are optional here.
import { call } from "./http";
import type { Json } from "./json";

export const STATES = ["queued", "running", "completed", "failed", "canceled"] as const;
export type State = (typeof STATES)[number];

export interface List<T> {
    items: T[];
    count: number;
    nextCursor?: string;
}

export interface Progress {
    percent: number;
    note?: string;
}

/** A job as lists have it: of what may be long only the beginning. */
export interface BriefJob {
    id: string;
    type: string;
    payloadText?: string; // absent where it is too large
    state: State;
    runAt: string;
    attempts: number;
    maxAttempts: number;
    createdAt: string;
    updatedAt: string;
    leaseUntil?: string;
    workerId?: string;
    lastError?: string;
    lastRunAt?: string;
    idempotencyKey?: string;
    scheduleId?: string;
    completedAt?: string;
    canceledAt?: string;
    runAs?: string;
    scheduledAt?: string;
    waitsFor?: "external" | "handler"; // if not for a worker of the engine
    progress?: Progress;
}

export interface Job extends BriefJob {
    payload: Json;
    result?: Json;
}

/** `atLeast` lists the states of which there may be more. */
export type Counts = Record<State, number> & { atLeast: State[] };

export interface Run {
    attempt: number;
    status: string;
    startedAt?: string;
    finishedAt?: string;
    durationMs?: number;
    workerId?: string;
    error?: string;
    sqlstate?: string;
}

export interface Stats {
    queued: number;
    running: number;
    completed: number;
    failed: number;
    canceled: number;
    oldestQueuedAgeSec?: number;
}

export interface JobFilter {
    state?: State | "" | undefined;
    type?: string | undefined;
    q?: string | undefined;
    since?: string | undefined;
    until?: string | undefined;
    cursor?: string | undefined;
    limit?: number | undefined;
}

export type CountFilter = Pick<JobFilter, "type" | "q" | "since" | "until">;

export interface NewJob {
    type: string;
    payload?: Json;
    runAt?: string;
    idempotencyKey?: string;
    maxAttempts?: number;
    runAs?: string;
}

export type Bulk = { ids: string[] } | { type?: string; since?: string; until?: string };

export interface Schedule {
    id: string;
    name: string;
    jobType: string;
    payload: Json;
    cronExpr: string;
    timezone: string;
    enabled: boolean;
    maxAttempts: number;
    createdAt: string;
    updatedAt: string;
    nextRunAt?: string;
    lastRunAt?: string;
    overlap?: string;
    missed?: string;
    runAs?: string;
    lastSkip?: { at: string; reason: string };
    lastError?: string;
    description?: string; // absent where the rule can't be read any more
}

export interface Preview {
    description: string;
    items: string[];
    localTimes: string[]; // what a clock in the zone shows at each
    count: number;
}

export type RefreshMode = "standard" | "concurrent";

export interface Matview {
    id: string;
    schemaName: string;
    viewName: string;
    refreshMode: RefreshMode;
    createdAt: string;
    updatedAt: string;
    lastRefreshAt?: string;
    lastRefreshDurationMs?: number;
    lastRefreshStatus?: "success" | "error";
    lastRefreshError?: string;
    // What a list and a single one have besides:
    refreshing?: boolean;
    refreshingSince?: string;
    lastRefreshRows?: number;
    lastSkippedAt?: string;
    lastDurationsMs?: number[];
    viewExists?: boolean;
    populated?: boolean;
    sizeBytes?: number;
    concurrentPossible?: boolean;
    concurrentAdvice?: string;
    estimatedChanges?: number;
    skipUnchanged?: boolean;
    neverSkippedBecause?: string;
}

export interface AvailableView {
    schemaName: string;
    viewName: string;
    owner: string;
    populated: boolean;
}

export interface Dependency {
    schemaName: string;
    viewName: string;
    readsSchema: string;
    readsView: string;
}

export interface Worker {
    pid: number;
    workerId: string;
    role?: string;
    state: string;
    since: string;
    jobId?: string;
    type?: string;
    attempt?: number;
    jobSince?: string;
    percent?: number;
    note?: string;
    waitEventType?: string;
    waitEvent?: string;
}

export interface Lane {
    role: string;
    dueAt?: string;
    workers: number;
    queued: number;
    running: number;
    retryAt?: string;
    error?: string;
}

export interface Check {
    check: string;
    status: "ok" | "warning" | "error";
    detail: string;
    hint?: string;
}

export interface Handler {
    type: string;
    kind: "function" | "command" | "external";
    owner: string;
    functionSchema?: string;
    functionName?: string;
    command?: string;
    timeoutSec?: number;
    maxAttempts?: number;
    backoffSec?: number[];
    definer: boolean;
    grouped: boolean;
    createdAt: string;
    updatedAt: string;
}

/** What waits of a type; `more`: there are others that were not looked at. */
export interface Waiting {
    type: string;
    queued: number;
    running: number;
    more: boolean;
}

export interface SeriesPoint {
    bucket: string;
    type?: string; // absent in a total
    completed: number;
    failed: number;
    retried: number;
    lost: number;
    canceled: number;
    waitP50?: number;
    waitP95?: number;
    waitP99?: number;
    runP50?: number;
    runP95?: number;
    runP99?: number;
}

export interface JobEvent {
    seq: number;
    at: string;
    jobId: string;
    type: string;
    runAs?: string;
    oldState?: State;
    newState?: State;
}

type Signal = AbortSignal | undefined;

const get = <T>(path: string, signal?: Signal, query = {}) => call<T>("GET", `admin/${path}`, { query, signal });
const post = <T>(path: string, body?: unknown, query = {}) => call<T>("POST", `admin/${path}`, { body, query });
const put = <T>(path: string, body: unknown) => call<T>("PUT", `admin/${path}`, { body });
const remove = (path: string) => call<void>("DELETE", `admin/${path}`);

export const api = {
    status: () => get<{ auth: boolean }>("status"),
    logIn: (password: string) => post<{ token: string }>("auth", { password }),

    jobs: {
        list: (filter: JobFilter, signal?: Signal) => get<List<BriefJob>>("jobs", signal, { ...filter, brief: true }),
        counts: (filter: CountFilter, signal?: Signal) => get<Counts>("jobs/counts", signal, filter),
        types: (signal?: Signal) => get<List<string>>("jobs/types", signal),
        stats: (signal?: Signal) => get<Stats>("jobs/stats", signal),
        get: (id: string, signal?: Signal) => get<Job>(`jobs/${id}`, signal),
        runs: (id: string, signal?: Signal) => get<List<Run>>(`jobs/${id}/runs`, signal),
        /** `body` is JSON's text, so that a payload goes as it was typed. */
        create: (body: string | NewJob) => post<Job>("jobs", body),
        retry: (id: string) => post<Job>(`jobs/${id}/retry`),
        cancel: (id: string, force = false) => post<Job>(`jobs/${id}/cancel`, undefined, force ? { force: true } : {}),
        retryMany: (which: Bulk) => post<{ changed: number }>("jobs/retry", which),
        cancelMany: (which: Bulk) => post<{ changed: number }>("jobs/cancel", which),
    },

    schedules: {
        list: (signal?: Signal) => get<List<Schedule>>("schedules", signal),
        get: (id: string, signal?: Signal) => get<Schedule>(`schedules/${id}`, signal),
        runs: (id: string, signal?: Signal) => get<List<BriefJob>>(`schedules/${id}/runs`, signal),
        create: (body: string | Partial<Schedule>) => post<Schedule>("schedules", body),
        update: (id: string, body: string | Partial<Schedule>) => put<Schedule>(`schedules/${id}`, body),
        remove: (id: string) => remove(`schedules/${id}`),
        enable: (id: string) => post<Schedule>(`schedules/${id}/enable`),
        disable: (id: string) => post<Schedule>(`schedules/${id}/disable`),
        run: (id: string) => post<Job>(`schedules/${id}/run`),
        preview: (cronExpr: string, timezone: string, count: number, signal?: Signal) =>
            call<Preview>("POST", "admin/schedules/preview", { body: { cronExpr, timezone, count }, signal }),
    },

    matviews: {
        list: (signal?: Signal) => get<List<Matview>>("matviews", signal),
        register: (schemaName: string, viewName: string, refreshMode: RefreshMode) =>
            post<Matview>("matviews", { schemaName, viewName, refreshMode }),
        update: (id: string, refreshMode: RefreshMode) => put<Matview>(`matviews/${id}`, { refreshMode }),
        remove: (id: string) => remove(`matviews/${id}`),
        refresh: (id: string) => post<{ registration: Matview; durationMs: number }>(`matviews/${id}/refresh`),
        available: (signal?: Signal) => get<List<AvailableView>>("matviews/available", signal),
        dependencies: (signal?: Signal) => get<List<Dependency>>("matviews/dependencies", signal),
    },

    workers: (signal?: Signal) => get<List<Worker>>("workers", signal),
    lanes: (signal?: Signal) => get<List<Lane>>("lanes", signal),
    health: (signal?: Signal) => get<List<Check>>("health", signal),
    handlers: (signal?: Signal) => get<List<Handler>>("handlers", signal),
    /** By type, or with `total` all types (or the one) together. */
    series: (since: string, step: string, { type = "", total = false }, signal?: Signal) =>
        get<List<SeriesPoint>>("series", signal, { since, step, type, total: total || undefined }),
    queue: (signal?: Signal) => get<List<Waiting>>("queue", signal),
    pause: (type?: string) => post<void>("pause", type ? { type } : {}),
    resume: (type?: string) => post<void>("resume", type ? { type } : {}),
};
