// outside.mjs BATCH WORKERS JOBS   workers outside of ayb_jobs, as in the guide: each has a connection, claims, does nothing, and
//                                  completes. Enqueues the jobs first; prints how many a second went through, and the
//                                  processor time that their sessions in the server took for a job, in microseconds.
import { connect, now, payload, settle } from "./common.mjs";

const TYPE = "bench";

async function work(client, worker, batch) {
  let done = 0;
  for (;;) {
    const { rows } = await client.query({
      name: "claim",
      text: `SELECT id, attempt, payload FROM ayb_jobs.claim($1, '{${TYPE}}', $2, '1 min')`,
      values: [worker, batch],
    });
    if (rows.length === 0) return done;
    const jobs = rows.map(({ id, attempt }) => ({ id, attempt, result: { ok: true } }));
    if (batch === 1) {
      const values = [jobs[0].id, worker, jobs[0].attempt, JSON.stringify(jobs[0].result)];
      await client.query({ name: "complete", text: "SELECT FROM ayb_jobs.complete($1, $2, $3, $4)", values });
    } else {
      const values = [worker, JSON.stringify(jobs)];
      const told = await client.query({ name: "complete", text: "SELECT * FROM ayb_jobs.complete_many($1, $2)", values });
      if (told.rows.length > 0) throw new Error(`${told.rows.length} jobs were lost`);
    }
    done += rows.length;
  }
}

// Of the sessions until now, in microseconds.
async function processorTime(clients) {
  const sql = "SELECT split_part(pg_read_file('/proc/' || pg_backend_pid() || '/schedstat'), ' ', 1)::float8 / 1000 AS time";
  const times = await Promise.all(clients.map((client) => client.query(sql)));
  return times.reduce((sum, { rows }) => sum + rows[0].time, 0);
}

async function drainTogether(clients, batch) {
  const began = now();
  const done = await Promise.all(clients.map((client, i) => work(client, `w${i}`, batch)));
  return [done.reduce((sum, more) => sum + more), (now() - began) / 1000];
}

const [batch, workers, jobs] = process.argv.slice(2).map(Number);
const client = await connect();
const fill = async (count) => {
  const made = "SELECT count(*) FROM ayb_jobs.enqueue_many($1, array_fill($2::jsonb, ARRAY[$3::int]))";
  await client.query(made, [TYPE, JSON.stringify(payload(100)), count]);
  await settle(client);
};
const clients = await Promise.all(Array.from({ length: workers }, connect));
for (const one of clients) await one.query("SET synchronous_commit = off");
await fill(Math.max(1000, jobs / 10));
await drainTogether(clients, batch);
await fill(jobs);
const before = await processorTime(clients);
const [done, seconds] = await drainTogether(clients, batch);
const took = (await processorTime(clients)) - before;
if (done !== jobs) throw new Error(`${done} jobs of ${jobs} went through`);
console.log((jobs / seconds).toFixed(1), (took / jobs).toFixed(2));
await Promise.all([client, ...clients].map((one) => one.end()));
