// What happens, as it happens: one stream of server-sent events for the whole page, read by fetch, which can send the
// token. When it breaks it is opened again, less and less often, from the last event on; what could not be caught up
// is told as `all`, and whoever listens asks anew.
import type { JobEvent } from "./api";
import { chosenDatabase } from "./database";
import { headers, reach } from "./http";
import { expire, session } from "./session";
import { EventStream, type StreamEvent } from "./sse";
import { createStore } from "./store";

export interface Change {
    jobs: JobEvent[];
    all: boolean; // anything may have changed
}

export type Live = { status: "connecting" } | { status: "live" } | { status: "lost"; since: number; retryAt: number };

export const live = createStore<Live>({ status: "connecting" });

const BATCH_MS = 250;
const MOST_AT_ONCE = 500;
const SILENCE_MS = 40_000; // the server's heart beats every 15 s
const LOOK_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

const listeners = new Set<(change: Change) => void>();
let pending: Change = { jobs: [], all: false };
let batch = 0;

export function onChange(listener: (change: Change) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

function deliver(): void {
    batch = 0;
    const change = pending;
    pending = { jobs: [], all: false };
    for (const listener of [...listeners]) listener(change);
}

function tell(job: JobEvent | undefined): void {
    if (job && pending.jobs.length < MOST_AT_ONCE) pending.jobs.push(job);
    else pending.all = true;
    if (!batch) batch = window.setTimeout(deliver, BATCH_MS);
}

/** Everything on the page is to be asked anew. */
export const refreshAll = (): void => tell(undefined);

let lastId = "";

function onEvent(event: StreamEvent): void {
    if (event.id) lastId = event.id;
    if (event.name === "missed") refreshAll();
    else if (event.name === "job") tell(JSON.parse(event.data) as JobEvent);
}

async function read(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const stream = new EventStream(onEvent);
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
        const silence = window.setTimeout(() => abort.abort(), SILENCE_MS);
        const { done, value } = await reader.read().finally(() => window.clearTimeout(silence));
        if (done) return;
        stream.feed(decoder.decode(value, { stream: true }));
    }
}

/** One connection, until it ends. True where it came to be. */
async function listen(abort: AbortController): Promise<boolean> {
    const now = session.get();
    const init = { headers: { ...headers(), ...(lastId ? { "Last-Event-ID": lastId } : {}) }, signal: abort.signal };
    const of = chosenDatabase ? `?database=${encodeURIComponent(chosenDatabase)}` : "";
    const response = await fetch(`api/admin/events${of}`, { ...init, cache: "no-store", credentials: "omit" });
    if (response.status === 401) expire(now.status === "in" ? now.token : undefined);
    if (!response.ok || !response.body) return false;
    live.set({ status: "live" });
    if (reach.get() === "sidecar") reach.set("ok");
    // What happened between the first answers and this moment nobody told; and the engine may have started anew, and its
    // numbers too.
    refreshAll();
    await read(response.body, abort).catch(() => undefined);
    return true;
}

let wake: (() => void) | undefined;

function pause(ms: number): Promise<void> {
    return new Promise(resolve => {
        const timer = window.setTimeout(resolve, ms);
        wake = () => {
            window.clearTimeout(timer);
            resolve();
        };
    });
}

/** Tries at once instead of when the pause is over. */
export const reconnect = (): void => wake?.();

function admitted(): boolean {
    const { status } = session.get();
    return status === "in" || status === "open";
}

let current: AbortController | undefined;

async function run(): Promise<never> {
    let wait = FIRST_PAUSE_MS;
    for (;;) {
        if (!admitted()) {
            await new Promise<void>(resolve => {
                const stop = session.subscribe(() => {
                    if (!admitted()) return;
                    stop();
                    resolve();
                });
            });
        }
        current = new AbortController();
        if (await listen(current).catch(() => false)) wait = FIRST_PAUSE_MS;
        if (!admitted()) continue;
        const known = live.get();
        const since = known.status === "lost" ? known.since : Date.now();
        live.set({ status: "lost", since, retryAt: Date.now() + wait });
        await pause(wait * (0.75 + Math.random() / 2));
        wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
    }
}

/** Asks by a route that says whether the database is there. */
async function lookForDatabase(): Promise<void> {
    const answer = await fetch("health", { cache: "no-store", credentials: "omit" }).catch(() => undefined);
    if (!answer?.ok) return reach.set(answer ? "database" : "sidecar");
    if (reach.get() === "ok") return;
    reach.set("ok");
    refreshAll();
}

// While requests fail because of the database it is looked for often, until it is back.
async function watchDatabase(): Promise<void> {
    for (let wait = 500; reach.get() !== "ok"; wait = Math.min(wait * 1.5, 5000)) {
        await new Promise(resolve => window.setTimeout(resolve, wait));
        await lookForDatabase();
    }
}

export function startLive(): void {
    let watching = false;
    reach.subscribe(() => {
        if (watching || reach.get() === "ok") return;
        watching = true;
        void watchDatabase().finally(() => {
            watching = false;
        });
    });
    session.subscribe(() => {
        if (!admitted()) current?.abort();
        else refreshAll();
    });
    // A screen that has nothing to ask wouldn't see that the database is gone.
    window.setInterval(() => {
        if (reach.get() === "ok" && admitted() && !document.hidden) void lookForDatabase();
    }, LOOK_MS);
    window.addEventListener("online", reconnect);
    document.addEventListener("visibilitychange", () => {
        if (!document.hidden) reconnect();
    });
    void run();
}
