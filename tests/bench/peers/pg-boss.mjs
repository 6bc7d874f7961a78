// pg-boss.mjs drain JOBS LOOPS   prints how many jobs a second went through
// pg-boss.mjs latency JOBS       prints how late after their commit jobs began: p50, p99, largest, in ms
//
// For throughput loops of fetch() and complete() of batches of 1,000; for latency a queue that notifies, which pg-boss
// has as an option (https://pgboss.io/api/workers).
import { PgBoss } from "pg-boss";
import { connect, enqueueSlowly, now, payload, printLatency, settle, sleep, until } from "./common.mjs";

const QUEUE = "bench";
const BATCH = 1000;
const WARM_UP = 5000;

async function start(options = {}) {
  const boss = new PgBoss({
    host: process.env.PGHOST,
    user: process.env.PGUSER,
    database: process.env.PGDATABASE,
    schedule: false,
    ...options,
  });
  boss.on("error", console.error);
  await boss.start();
  return boss;
}

async function fill(boss, client, jobs) {
  const data = payload(100);
  for (let left = jobs; left > 0; left -= 10000)
    await boss.insert(
      QUEUE,
      Array.from({ length: Math.min(left, 10000) }, () => ({ data })),
    );
  await settle(client);
}

async function handler() {}

async function loop(boss) {
  let handled = 0;
  for (;;) {
    const jobs = await boss.fetch(QUEUE, { batchSize: BATCH });
    if (jobs.length === 0) return handled;
    for (const job of jobs) await handler(job);
    await boss.complete(
      QUEUE,
      jobs.map(({ id }) => id),
    );
    handled += jobs.length;
  }
}

async function drainTogether(boss, loops) {
  const began = now();
  const handled = await Promise.all(Array.from({ length: loops }, () => loop(boss)));
  return [handled.reduce((sum, more) => sum + more), (now() - began) / 1000];
}

async function drain(jobs, loops) {
  const client = await connect();
  const boss = await start();
  await boss.createQueue(QUEUE);
  await fill(boss, client, WARM_UP);
  await drainTogether(boss, loops);
  await fill(boss, client, jobs);
  const [handled, seconds] = await drainTogether(boss, loops);
  if (handled !== jobs) throw new Error(`${handled} jobs of ${jobs} went through`);
  console.log((jobs / seconds).toFixed(1));
  await boss.deleteQueue(QUEUE);
  await boss.stop();
  await client.end();
}

async function latency(jobs) {
  const client = await connect();
  const boss = await start({ useListenNotify: true });
  const started = new Map();
  await boss.createQueue(QUEUE, { notify: true });
  await boss.work(QUEUE, async ([job]) => {
    started.set(job.id, now());
  });
  await sleep(500); // until it listens
  const db = { executeSql: (text, values) => client.query(text, values) };
  await enqueueSlowly(client, () => boss.send(QUEUE, {}, { db }), jobs);
  await until(() => started.size === jobs);
  await printLatency(client, started);
  await boss.deleteQueue(QUEUE);
  await boss.stop();
  await client.end();
}

const [mode, jobs, loops] = process.argv.slice(2);
if (mode === "drain") await drain(Number(jobs), Number(loops));
else if (mode === "latency") await latency(Number(jobs));
else throw new Error("usage: pg-boss.mjs drain JOBS LOOPS | latency JOBS");
