// drive URL TOKEN READER: uses every operation against a live server, as a program that trusts the document does, and then
// each in the ways in which it is to be refused. The type of `scenarios` demands one for each operation.
import assert from "node:assert/strict";
import { Checker } from "./checker.js";
import { type Answer, Client, type Document, type Good, type Input, type Op, operationsOf } from "./client.js";

const [base, token, reader] = process.argv.slice(2) as [string, string, string];
const document = (await (await fetch(`${base}/openapi.json`)).json()) as Document;
const operations = operationsOf(document);
const client = new Client(base, operations);
const checker = new Checker(document);
const unknown = "01234567-89ab-7def-8123-456789abcdef";
let checked = 0;
let worker = ""; // a token of the right work, once it is made

const tokenOf = (id: Op): string => (client.operation(id).right === "work" ? worker : token);

function check(id: Op, answer: Answer, status: number): void {
    const told = `${id}: ${answer.status} ${JSON.stringify(answer.body)}`;
    assert.equal(answer.status, status, told);
    assert.equal(checker.wrong(client.operation(id), answer), "", told);
    checked++;
}

async function call<O extends Op>(id: O, input: Input<O> = {}, status = 200): Promise<Good<O>> {
    const body = input.body === undefined ? undefined : JSON.stringify(input.body);
    const answer = await client.send(id, tokenOf(id), input.path ?? {}, input.query ?? {}, body);
    check(id, answer, status);
    return answer.body as Good<O>;
}

const job = async (type = "driven") => (await call("createJob", { body: { type, runAt: "2100-01-01T00:00:00Z" } }, 201)).id;
const schedule = async () => {
    const name = `driven ${Math.random()}`;
    return (await call("createSchedule", { body: { name, jobType: "driven", cronExpr: "0 0 1 1 *" } }, 201)).id;
};
const view = async () => {
    const known = (await call("listMatviews")).items.find((one) => one.viewName === "driven_view");
    return known?.id ?? (await call("registerMatview", { body: { schema: "public", viewName: "driven_view" } }, 201)).id;
};

worker = (await call("createToken", { body: { name: "w", right: "work", role: "sidecar" } }, 201)).token;
const refusedJobs = async (id: "completeClaimed" | "failClaimed" | "extendClaimed", rest: object) => {
    const answer = await call(id, { body: { jobs: [{ id: unknown, attempt: 1, ...rest }] } });
    assert.deepEqual(answer.items, [{ id: unknown, reason: "unknown" }]);
};

const flow = async () =>
    (await call("createFlow", { body: { jobs: [{ name: "b", type: "driven", dependsOn: ["a"] }, { name: "a", type: "driven" }] } }, 201)).id;

const scenarios: { [O in Op]: () => Promise<unknown> } = {
    getStatus: async () => assert.equal((await call("getStatus")).auth, true),
    logIn: async () => call("logIn", { body: { password: "wrong" } }, 401),
    createToken: async () => assert.match((await call("createToken", { body: { name: "d", right: "read" } }, 201)).token, /^d\.read\./),
    getMe: async () => assert.equal((await call("getMe")).right, "admin"),
    listJobs: async () => {
        await job();
        const page = await call("listJobs", { query: { state: "queued", type: "driven", limit: 1, brief: true } });
        assert.equal(page.count, 1);
    },
    createJob: async () => call("createJob", { body: { type: "driven", payload: [1, null], idempotencyKey: "driven", maxAttempts: 2 } }, 201),
    getJobStats: async () => assert.ok((await call("getJobStats")).queued >= 0),
    countJobs: async () => assert.ok((await call("countJobs", { query: { type: "driven", q: "x" } })).atLeast.length >= 0),
    listJobTypes: async () => assert.ok((await call("listJobTypes")).items.includes("driven")),
    createJobs: async () => assert.equal((await call("createJobs", { body: { jobs: [{ type: "driven" }, { type: "driven" }] } }, 201)).ids.length, 2),
    retryJobs: async () => assert.equal((await call("retryJobs", { body: { ids: [await job()] } })).changed, 0),
    cancelJobs: async () => assert.equal((await call("cancelJobs", { body: { ids: [await job()] } })).changed, 1),
    runJobs: async () => assert.equal((await call("runJobs", { body: { ids: [await job()] } })).changed, 1),
    deleteJobs: async () => assert.equal((await call("deleteJobs", { body: { ids: [await job()] } })).changed, 1),
    deleteJob: async () => call("deleteJob", { path: { id: await job() } }, 204),
    getJob: async () => assert.equal((await call("getJob", { path: { id: await job() } })).state, "queued"),
    listJobRuns: async () => assert.equal((await call("listJobRuns", { path: { id: await job() } })).count, 0),
    listJobLog: async () => assert.equal((await call("listJobLog", { path: { id: await job() } })).count, 0),
    listJobActions: async () => {
        const id = await job();
        await call("cancelJob", { path: { id } });
        assert.equal((await call("listJobActions", { path: { id } })).items[0]?.action, "cancel");
    },
    retryJob: async () => call("retryJob", { path: { id: await job() } }, 409),
    runJob: async () => assert.ok((await call("runJob", { path: { id: await job() } })).runAt < "2090"),
    updateJob: async () => {
        const due = "2091-01-01T00:00:00+00:00";
        const changed = await call("updateJob", { path: { id: await job() }, body: { runAt: due, priority: -2 } });
        assert.deepEqual([changed.runAt, changed.priority], [due, -2]);
    },
    cancelJob: async () => assert.equal((await call("cancelJob", { path: { id: await job() }, query: { force: true } })).state, "canceled"),
    listSchedules: async () => assert.ok((await call("listSchedules")).items.every((one) => one.name !== "")),
    createSchedule: schedule,
    previewSchedule: async () => assert.equal((await call("previewSchedule", { body: { cronExpr: "* * * * *", count: 2 } })).items.length, 2),
    getSchedule: async () => assert.equal((await call("getSchedule", { path: { id: await schedule() } })).enabled, true),
    updateSchedule: async () => {
        const changed = await call("updateSchedule", { path: { id: await schedule() }, body: { timezone: "Europe/Berlin", overlap: "queue" } });
        assert.equal(changed.timezone, "Europe/Berlin");
    },
    deleteSchedule: async () => call("deleteSchedule", { path: { id: await schedule() } }, 204),
    enableSchedule: async () => assert.ok((await call("enableSchedule", { path: { id: await schedule() } })).nextRunAt),
    disableSchedule: async () => assert.equal((await call("disableSchedule", { path: { id: await schedule() } })).nextRunAt, undefined),
    listScheduleRuns: async () => assert.equal((await call("listScheduleRuns", { path: { id: await schedule() } })).count, 0),
    runSchedule: async () => assert.equal((await call("runSchedule", { path: { id: await schedule() } }, 201)).type, "driven"),
    listMatviews: async () => assert.ok((await call("listMatviews")).count >= 0),
    registerMatview: view,
    listAvailableMatviews: async () => assert.ok((await call("listAvailableMatviews")).count >= 0),
    listMatviewDependencies: async () => assert.ok((await call("listMatviewDependencies")).count >= 0),
    getMatview: async () => assert.equal((await call("getMatview", { path: { id: await view() } })).viewName, "driven_view"),
    updateMatview: async () => {
        const changed = await call("updateMatview", { path: { id: await view() }, body: { refreshMode: "concurrent" } });
        assert.equal(changed.refreshMode, "concurrent");
        await call("refreshMatview", { path: { id: changed.id } }, 409); // it has no unique index
        await call("updateMatview", { path: { id: changed.id }, body: { refreshMode: "standard" } });
    },
    unregisterMatview: async () => call("unregisterMatview", { path: { id: await view() } }, 204),
    refreshMatview: async () => assert.equal((await call("refreshMatview", { path: { id: await view() } })).registration.lastRefreshStatus, "success"),
    listQueue: async () => assert.ok((await call("listQueue")).items.some((one) => one.type === "driven")),
    listWorkers: async () => assert.ok((await call("listWorkers")).items.every((one) => one.outside || one.workerId !== undefined)),
    listLanes: async () => assert.ok((await call("listLanes")).items.every((one) => one.role !== "")),
    listChecks: async () => assert.ok((await call("listChecks")).count > 5),
    getCapabilities: async () => assert.equal((await call("getCapabilities"))["jobs"], true),
    listDatabases: async () => assert.equal((await call("listDatabases", { query: { database: "default" } })).items[0]?.status, "ok"),
    createFlow: async () => assert.match(await flow(), /^[0-9a-f-]{36}$/),
    listFlows: async () => {
        const id = await flow();
        assert.equal((await call("listFlows", { query: { limit: 1 } })).items[0]?.id, id);
    },
    getFlow: async () => {
        const { steps } = await call("getFlow", { path: { id: await flow() } });
        assert.deepEqual(steps?.map(({ name, dependsOn }) => [name, dependsOn]), [["a", []], ["b", ["a"]]]);
    },
    cancelFlow: async () => assert.equal((await call("cancelFlow", { path: { id: await flow() } })).changed, 2),
    retryFlow: async () => assert.equal((await call("retryFlow", { path: { id: await flow() } })).changed, 0),
    listParents: async () => {
        const { steps } = await call("getFlow", { path: { id: await flow() } });
        const child = steps?.[1]?.jobId ?? "";
        assert.deepEqual((await call("listParents", { path: { id: child } })).items.map(({ name }) => name), ["a"]);
    },
    listTypes: async () => {
        await job();
        assert.ok((await call("listTypes")).items.some((one) => one.type === "driven" && one.queued > 0));
    },
    getType: async () => assert.equal((await call("getType", { path: { type: "driven" } })).paused, false),
    setTypeLimit: async () => {
        const type = await call("setTypeLimit", { path: { type: "driven" }, body: { running: 3, runningPerKey: 1 } });
        assert.deepEqual([type.limit?.running, type.limit?.runningPerKey, type.limit?.starts], [3, 1, undefined]);
    },
    clearTypeLimit: async () => {
        await call("clearTypeLimit", { path: { type: "driven" } }, 204);
        assert.equal((await call("getType", { path: { type: "driven" } })).limit, undefined);
    },
    pauseType: async () => assert.equal((await call("pauseType", { path: { type: "driven" } })).paused, true),
    resumeType: async () => assert.equal((await call("resumeType", { path: { type: "driven" } })).paused, false),
    setWatch: async () => {
        const watch = await call("setWatch", { path: { type: "driven" }, body: { names: ["paused"] } });
        assert.deepEqual(watch.names, ["paused"]);
    },
    listWatches: async () => {
        await scenarios.setWatch();
        assert.ok((await call("listWatches")).items.some((one) => one.type === "driven" && one.names?.[0] === "paused"));
    },
    deleteWatch: async () => call("deleteWatch", { path: { type: "driven" } }, 204),
    listErrors: async () => assert.equal((await call("listErrors", { query: { since: "2020-01-01T00:00:00Z" } })).more, false),
    listHandlers: async () => assert.ok((await call("listHandlers")).count >= 0),
    listSeries: async () => assert.ok((await call("listSeries", { query: { step: "5 minutes", total: true } })).count >= 0),
    listDepths: async () => assert.ok((await call("listDepths", { query: { step: "5 minutes" } })).items.every((one) => one.queued >= 0)),
    pause: async () => call("pause", { body: { type: "driven" } }),
    resume: async () => call("resume", { body: { type: "driven" } }),
    drain: async () => {
        assert.equal((await call("drain", { body: { timeoutSec: 5 } })).interrupted, false);
        await call("resume");
    },
    adopt: async () => assert.equal((await call("adopt")).status, "ok"),
    listenToEvents: async () => {
        const response = await fetch(`${base}/api/admin/events`, { headers: { Authorization: `Bearer ${token}` } });
        assert.equal(response.headers.get("content-type"), "text/event-stream");
        await response.body?.cancel();
    },
    listenToChanges: async () => call("listenToChanges", { query: { tables: "posts" } }, 404), // it isn't configured here
    makeTicket: async () => call("makeTicket", {}, 404),
    getRealtimeStats: async () => assert.equal((await call("getRealtimeStats")).configured, false),
    listRealtimeConnections: async () => assert.equal((await call("listRealtimeConnections")).count, 0),
    disconnectRealtime: async () => call("disconnectRealtime", { path: { client: "c1" } }, 404),
    getSchema: async () => assert.ok(Object.values((await call("getSchema")).tables).every((one) => one.columns.length > 0)),
    getLive: async () => assert.equal((await call("getLive")).status, "ok"),
    getReady: async () => assert.equal((await call("getReady")).status, "ok"),
    claimJobs: async () => assert.equal((await call("claimJobs", { query: { wait: 0 }, body: { types: ["driven"], max: 2 } })).count, 0),
    completeClaimed: async () => refusedJobs("completeClaimed", { result: null }),
    failClaimed: async () => refusedJobs("failClaimed", { error: "no" }),
    extendClaimed: async () => refusedJobs("extendClaimed", {}),
    sayProgress: async () => call("sayProgress", { body: { id: unknown, attempt: 1, percent: 50 } }, 404),
    snoozeClaimed: async () => call("snoozeClaimed", { body: { id: unknown, attempt: 1, delay: "1 s" } }, 404),
    addLog: async () => call("addLog", { body: { id: unknown, attempt: 1, message: "x" } }, 404),
    getHealth: async () => assert.equal((await call("getHealth")).database, "ok"),
    getMetrics: async () => call("getMetrics"),
    getDocument: async () => call("getDocument"),
};

/** A body that the operation takes, and one that is none. */
const full: Partial<Record<Op, string>> = {
    createJobs: '{"jobs":[]}',
    updateJob: '{"delay":"1 h"}',
    updateMatview: '{"refreshMode":"standard"}',
    setTypeLimit: '{"running":1}',
};

async function refusals(id: Op): Promise<void> {
    const { right, path, body, parameters } = client.operation(id);
    const own = { id: unknown, type: "nothing of the kind", client: "c0" };
    const refused = async (status: number, who: string | undefined, at: object, query: object, sent?: string) =>
        check(id, await client.send(id, who, at, query, sent), status);
    if (right !== undefined) await refused(401, undefined, own, {}, full[id]);
    if (right !== undefined && right !== "read") await refused(403, reader, own, {}, full[id]);
    if (path.includes("{id}")) await refused(400, tokenOf(id), { id: "no id" }, {}, body && "{}");
    if (path.includes("{id}") && !["retryJob", "cancelJob"].includes(id))
        await refused(404, tokenOf(id), own, {}, full[id] ?? (body && "{}"));
    if (path.includes("{type}") && id !== "setWatch") await refused(404, tokenOf(id), own, {}, full[id] ?? (body && "{}"));
    if (parameters.some((one) => one.name === "database")) await refused(404, tokenOf(id), own, { database: "nowhere" }, full[id]);
    if (body !== undefined) for (const sent of ["[", "[]", "3"]) await refused(400, tokenOf(id), own, {}, sent);
    for (const one of parameters)
        if (one.in === "query" && (one.schema as any).format === "date-time") await refused(400, tokenOf(id), own, { [one.name]: "tomorrow" });
    if (right !== undefined && id !== "listenToEvents") {
        const url = `${base}${path.replace("{id}", unknown).replace("{type}", "driven")}?x=%ff`; // no text
        const answer = await fetch(url, { method: client.operation(id).method, headers: { Authorization: `Bearer ${tokenOf(id)}` } });
        check(id, { status: answer.status, type: answer.headers.get("content-type") ?? "", body: await answer.json() }, 400);
    }
}

for (const { operationId } of operations) {
    assert.ok(operationId in scenarios, operationId);
    await scenarios[operationId]();
    await refusals(operationId);
}
console.log(`${operations.length} operations, ${checked} answers checked`);
