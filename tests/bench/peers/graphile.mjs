// graphile.mjs drain JOBS PROCESSES   prints how many jobs a second went through
// graphile.mjs singly JOBS            the same of one process, with 16 jobs at once, each got and completed by itself
// graphile.mjs latency JOBS           prints how late after their commit jobs began: p50, p99, largest, in ms
//
// Set up after https://worker.graphile.org/docs/performance: for throughput two processes (one a core), each with many
// jobs at once, a local queue and completions in batches; for latency none of these, as they trade it away.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { connect, enqueueSlowly, now, payload, printLatency, settle, sleep, until } from "./common.mjs";

const QUIET = new Logger(() => () => {});
const THROUGHPUT = { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0 };
const SINGLY = { concurrentJobs: 16, pollInterval: 50 };
const WARM_UP = 5000;

async function migrate() {
  const utils = await makeWorkerUtils({ logger: QUIET });
  await utils.migrate();
  await utils.release();
}

async function fill(client, jobs) {
  await client.query(
    `SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
       SELECT ('bench', $1::json, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec
       FROM generate_series(1, $2::int)))`,
    [payload(100), jobs],
  );
  await settle(client);
}

async function untilEmpty() {
  const client = await connect();
  const sql = "SELECT EXISTS (SELECT FROM graphile_worker.jobs) AS any";
  while ((await client.query(sql)).rows[0].any) await sleep(2);
  await client.end();
}

// In a process of its own: works until the queue is empty. Tells when the first job began and when the last was noted as
// done.
async function drainOnce(how) {
  let first = 0;
  const empty = Promise.withResolvers();
  const runner = await run({
    logger: QUIET,
    noHandleSignals: true,
    maxPoolSize: how === "singly" ? 17 : 10,
    preset: { worker: how === "singly" ? SINGLY : THROUGHPUT },
    taskList: {
      bench: async () => {
        first ||= now();
      },
    },
  });
  runner.events.on("localQueue:getJobs:complete", ({ jobs }) => jobs.length === 0 && empty.resolve());
  runner.events.on("worker:getJob:empty", () => empty.resolve());
  await empty.promise;
  if (how === "singly") await untilEmpty(); // the last ones may have been locked when nothing else was left
  await runner.stop();
  process.send({ first, last: now() });
}

async function drainTogether(children, how) {
  const all = await Promise.all(
    children.map(async (child) => {
      child.send(how);
      const [message] = await once(child, "message");
      return message;
    }),
  );
  const began = all.filter(({ first }) => first > 0).map(({ first }) => first);
  return (Math.max(...all.map(({ last }) => last)) - Math.min(...began)) / 1000;
}

async function drain(jobs, processes, how = "drain") {
  const client = await connect();
  await migrate();
  const children = Array.from({ length: processes }, () => fork(import.meta.filename, ["child"]));
  await fill(client, WARM_UP);
  await drainTogether(children, how);
  await fill(client, jobs);
  const seconds = await drainTogether(children, how);
  const { rows } = await client.query("SELECT count(*)::int AS left FROM graphile_worker.jobs");
  if (rows[0].left !== 0) throw new Error(`${rows[0].left} jobs are left`);
  console.log((jobs / seconds).toFixed(1));
  children.forEach((child) => child.disconnect());
  await client.end();
}

// In a process of its own: works, and when it is asked, and as many jobs have begun, tells when each did.
async function work() {
  const started = [];
  const bench = async (_, { job }) => {
    started.push([job.id, now()]);
  };
  await run({ logger: QUIET, noHandleSignals: true, preset: { worker: { concurrentJobs: 4 } }, taskList: { bench } });
  await sleep(500); // until it listens
  process.send("ready");
  const [jobs] = await once(process, "message");
  await until(() => started.length === jobs);
  process.send(started);
  await once(process, "disconnect");
  process.exit();
}

async function latency(jobs) {
  const client = await connect();
  await migrate();
  const child = fork(import.meta.filename, ["work"]);
  await once(child, "message");
  const enqueue = async () => {
    const { rows } = await client.query("SELECT id::text FROM graphile_worker.add_job('bench', '{}')");
    return rows[0].id;
  };
  await enqueueSlowly(client, enqueue, jobs);
  child.send(jobs);
  const [started] = await once(child, "message");
  await printLatency(client, new Map(started));
  child.disconnect();
  await client.end();
}

const [mode, jobs, processes] = process.argv.slice(2);
if (mode === "child") process.on("message", drainOnce);
else if (mode === "work") await work();
else if (mode === "drain") await drain(Number(jobs), Number(processes));
else if (mode === "singly") await drain(Number(jobs), 1, "singly");
else if (mode === "latency") await latency(Number(jobs));
else throw new Error("usage: graphile.mjs drain JOBS PROCESSES | singly JOBS | latency JOBS");
