// The admin API, typed: docs/reference/api.md. What it answers is made from sidecar/api/openapi.json by `npm run types`,
// and by the check. Nulls are left out there, so they are optional here.
import { call } from "./http";
import type { Json } from "./json";
import type { components, paths } from "./openapi";

type Schemas = components["schemas"];

export type BriefJob = Schemas["BriefJob"];
export type Job = Schemas["Job"] & { payload: Json; result?: Json };
export type State = Job["state"];
export type Phase = Job["phase"];
export type Counts = Schemas["Counts"];
export type Run = Schemas["Run"];
export type LogLine = Schemas["LogLine"];
export type Action = Schemas["Action"];
export type Stats = Schemas["Stats"];
export type Schedule = Schemas["Schedule"] & { payload: Json };
export type Preview = Schemas["Preview"];
export type Matview = Schemas["Matview"];
export type RefreshMode = Matview["refreshMode"];
export type AvailableView = Schemas["Available"];
export type Dependency = Schemas["Dependency"];
export type Worker = Schemas["Worker"];
export type Lane = Schemas["Lane"];
export type Check = Schemas["Check"];
export type Handler = Schemas["Handler"];
export type JobType = Schemas["Type"];
export type Limit = Schemas["Limit"];
export type LimitRule = Schemas["LimitRule"];
export type LimitKey = NonNullable<Limit["keys"]>[number];
export type Flow = Schemas["Flow"];
export type WholeFlow = Schemas["WholeFlow"];
export type Step = Schemas["Step"];
export type ErrorGroup = Schemas["ErrorGroup"];
export type ServedDatabase = Schemas["Database"];
export type Bulk = Schemas["Bulk"];
export type Changed = Schemas["Changed"];
export type JobChange = { runAt?: string; priority?: number };
export type Waiting = Schemas["Waiting"];
export type SeriesPoint = Schemas["Bucket"];
export type Depth = Schemas["Depth"];
export type Listener = Schemas["RealtimeConnection"];
export type JobEvent = Schemas["JobEvent"];

/** What a route answers when all is well. */
type Answer<Route> = Route extends { responses: { 200: { content: { "application/json": infer T } } } } ? T : never;

type JobPage = Answer<paths["/api/admin/jobs"]["get"]>;
/** A list of the API, of which it says of what. */
export type List<T> = Omit<JobPage, "items"> & { items: T[] };

export const STATES = ["queued", "running", "completed", "failed", "canceled"] as const satisfies readonly State[];

/** What queued jobs wait for. */
export const QUEUED_PHASES = [
    "due",
    "waiting",
    "scheduled",
    "retrying",
    "external",
] as const satisfies readonly Phase[];
export type QueuedPhase = (typeof QUEUED_PHASES)[number];

export interface JobFilter {
    state?: State | "" | undefined;
    phase?: Phase | "" | undefined;
    type?: string | undefined;
    q?: string | undefined;
    since?: string | undefined;
    until?: string | undefined;
    cursor?: string | undefined;
    limit?: number | undefined;
}

export type CountFilter = Pick<JobFilter, "type" | "q" | "since" | "until" | "phase">;

type Signal = AbortSignal | undefined;

const get = <T>(path: string, signal?: Signal, query = {}) => call<T>("GET", `admin/${path}`, { query, signal });
const post = <T>(path: string, body?: unknown, query = {}) => call<T>("POST", `admin/${path}`, { body, query });
const put = <T>(path: string, body: unknown) => call<T>("PUT", `admin/${path}`, { body });
const remove = (path: string) => call<void>("DELETE", `admin/${path}`);

export const api = {
    status: () => get<Answer<paths["/api/admin/status"]["get"]>>("status"),
    me: (token?: string) =>
        call<Answer<paths["/api/admin/me"]["get"]>>("GET", "admin/me", token === undefined ? {} : { token }),
    logIn: (password: string) => post<Answer<paths["/api/admin/auth"]["post"]>>("auth", { password }),

    jobs: {
        list: (filter: JobFilter, signal?: Signal) => get<List<BriefJob>>("jobs", signal, { ...filter, brief: true }),
        counts: (filter: CountFilter, signal?: Signal) => get<Counts>("jobs/counts", signal, filter),
        types: (signal?: Signal) => get<List<string>>("jobs/types", signal),
        stats: (signal?: Signal) => get<Stats>("jobs/stats", signal),
        phases: (signal?: Signal) => get<Stats>("jobs/stats", signal, { phases: true }),
        get: (id: string, signal?: Signal) => get<Job>(`jobs/${id}`, signal),
        runs: (id: string, signal?: Signal) => get<List<Run>>(`jobs/${id}/runs`, signal),
        log: (id: string, signal?: Signal) => get<List<LogLine>>(`jobs/${id}/log`, signal),
        actions: (id: string, signal?: Signal) => get<List<Action>>(`jobs/${id}/actions`, signal),
        /** `body` is JSON's text, so that a payload goes as it was typed. */
        create: (body: string | Schemas["NewJob"]) => post<Job>("jobs", body),
        retry: (id: string) => post<Job>(`jobs/${id}/retry`),
        cancel: (id: string, force = false) => post<Job>(`jobs/${id}/cancel`, undefined, force ? { force: true } : {}),
        run: (id: string) => post<Job>(`jobs/${id}/run`),
        change: (id: string, what: JobChange) => call<Job>("PATCH", `admin/jobs/${id}`, { body: what }),
        /** What still holds its payload. */
        remove: (id: string) => call<{ holders: string[] } | undefined>("DELETE", `admin/jobs/${id}`),
        changeMany: (verb: "retry" | "run" | "cancel" | "delete", which: Bulk) => post<Changed>(`jobs/${verb}`, which),
    },

    schedules: {
        list: (signal?: Signal) => get<List<Schedule>>("schedules", signal),
        get: (id: string, signal?: Signal) => get<Schedule>(`schedules/${id}`, signal),
        runs: (id: string, signal?: Signal) => get<List<BriefJob>>(`schedules/${id}/runs`, signal),
        create: (body: string | Schemas["NewSchedule"]) => post<Schedule>("schedules", body),
        update: (id: string, body: string | Schemas["ScheduleChange"]) => put<Schedule>(`schedules/${id}`, body),
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
        refresh: (id: string) => post<Schemas["Refreshed"]>(`matviews/${id}/refresh`),
        available: (signal?: Signal) => get<List<AvailableView>>("matviews/available", signal),
        dependencies: (signal?: Signal) => get<List<Dependency>>("matviews/dependencies", signal),
    },

    flows: {
        /** Older ones than the flow `cursor`; "" for the newest. */
        list: (cursor: string, signal?: Signal) => get<List<Flow>>("flows", signal, { cursor }),
        get: (id: string, signal?: Signal) => get<WholeFlow>(`flows/${id}`, signal),
        change: (id: string, verb: "cancel" | "retry") => post<Changed>(`flows/${id}/${verb}`),
    },

    types: {
        list: (signal?: Signal) => get<List<JobType>>("types", signal),
        get: (type: string, signal?: Signal) => get<JobType>(`types/${encodeURIComponent(type)}`, signal),
        pause: (type: string) => post<JobType>(`types/${encodeURIComponent(type)}/pause`),
        resume: (type: string) => post<JobType>(`types/${encodeURIComponent(type)}/resume`),
        setLimit: (type: string, rule: LimitRule) => put<JobType>(`types/${encodeURIComponent(type)}/limit`, rule),
        clearLimit: (type: string) => remove(`types/${encodeURIComponent(type)}/limit`),
    },

    errors: (since: string, signal?: Signal) => get<List<ErrorGroup> & { more: boolean }>("errors", signal, { since }),
    databases: (signal?: Signal) => get<List<ServedDatabase>>("databases", signal),
    /** With how many jobs each has. */
    countedDatabases: (signal?: Signal) => get<List<ServedDatabase>>("databases", signal, { stats: true }),

    realtime: {
        connections: (signal?: Signal) => get<Schemas["RealtimeConnections"]>("realtime/connections", signal),
        disconnect: (client: string) => post<void>(`realtime/connections/${encodeURIComponent(client)}/disconnect`),
    },

    workers: (signal?: Signal) => get<List<Worker>>("workers", signal),
    lanes: (signal?: Signal) => get<List<Lane>>("lanes", signal),
    health: (signal?: Signal) => get<List<Check>>("health", signal),
    handlers: (signal?: Signal) => get<List<Handler>>("handlers", signal),
    /** By type, or with `total` all types (or the one) together. */
    series: (since: string, step: string, { type = "", total = false }, signal?: Signal) =>
        get<List<SeriesPoint>>("series", signal, { since, step, type, total: total || undefined }),
    depths: (since: string, step: string, signal?: Signal) => get<List<Depth>>("depths", signal, { since, step }),
    queue: (signal?: Signal) => get<List<Waiting>>("queue", signal),
    pause: (type?: string) => post<void>("pause", type ? { type } : {}),
    resume: (type?: string) => post<void>("resume", type ? { type } : {}),
};
