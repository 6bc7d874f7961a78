// What the peers' programs share. PGHOST and so on point at the server.
import pg from "pg";

// This machine's clock in milliseconds with their fractions: what clock_timestamp() tells in the server.
export const now = () => performance.timeOrigin + performance.now();

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits until `condition()` holds, half a minute at most.
export async function until(condition) {
  const end = now() + 30000;
  while (!condition()) {
    if (now() > end) throw new Error(`waited in vain for ${condition}`);
    await sleep(10);
  }
}

// A payload whose text has `bytes` bytes.
export const payload = (bytes) => ({ text: "x".repeat(bytes - JSON.stringify({ text: "" }).length) });

export async function connect() {
  const client = new pg.Client();
  await client.connect();
  return client;
}

// The queue is filled: plans are made for it as it is now, and its pages are not left to a checkpoint in the midst of it.
export async function settle(client) {
  await client.query("VACUUM ANALYZE");
  await client.query("CHECKPOINT");
}

// Enqueues a job each 20 ms: `enqueue` gives its id, in a transaction of `client`, which notes the id, so that the
// instant of the commit can be asked for afterwards.
export async function enqueueSlowly(client, enqueue, count) {
  await client.query("CREATE TABLE enqueued (id text)");
  await client.query("SET synchronous_commit = off"); // the commit's instant is noted before its wait for the disk
  for (let i = 0; i < count; i++) {
    await client.query("BEGIN");
    await client.query("INSERT INTO enqueued VALUES ($1)", [await enqueue()]);
    await client.query("COMMIT");
    await sleep(20);
  }
}

// `started` has for each id when its handler began; prints by how many milliseconds that was after the commit: p50, p99
// and the largest.
export async function printLatency(client, started) {
  const { rows } = await client.query(
    "SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS at FROM enqueued",
  );
  const waited = rows.map((row) => started.get(row.id) - Number(row.at)).sort((one, other) => one - other);
  if (waited.length === 0 || waited.some(Number.isNaN)) throw new Error("not every job was started");
  const quantile = (part) => waited[Math.ceil(part * waited.length) - 1].toFixed(4);
  console.log(quantile(0.5), quantile(0.99), quantile(1));
  await client.query("DROP TABLE enqueued");
}
