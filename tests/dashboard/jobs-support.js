// Jobs of every kind, for the tests of the screens that show them.
import { ask, psql, until } from "./support.js";

psql(`
CREATE OR REPLACE FUNCTION public.good(payload jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_build_object('echo', payload) $$;
CREATE OR REPLACE FUNCTION public.bad(payload jsonb) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no <b>luck</b> for %', payload ->> 'who' USING ERRCODE = '22012'; END $$;
CREATE OR REPLACE FUNCTION public.slow(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        FOR i IN 1..600 LOOP
            PERFORM ayb_jobs.set_progress((payload ->> 'percent')::integer, 'step <i>' || i || '</i>');
            PERFORM pg_sleep(0.5);
        END LOOP;
    END $$;
SELECT ayb_jobs.register_handler('good', 'public.good(jsonb)');
SELECT ayb_jobs.register_handler('bad', 'public.bad(jsonb)', max_attempts => 1);
SELECT ayb_jobs.register_handler('flaky', 'public.bad(jsonb)', max_attempts => 3, backoff => '{1ms,1h}');
SELECT ayb_jobs.register_handler('slow', 'public.slow(jsonb)');
SELECT ayb_jobs.register_handler('parked', kind => 'external');
`);

export const enqueue = (type, payload = {}, more = {}) => ask("POST", "jobs", { type, payload, ...more });

/** The job once it is in the state. */
export const inState = (id, state) =>
    until(async () => {
        const job = await ask("GET", `jobs/${id}`);
        return job.state === state && job;
    }, `job ${id} to be ${state}`);

export async function failed(payload) {
    const { id } = await enqueue("bad", payload);
    return inState(id, "failed");
}

/** Jobs that wait for somebody outside, as many as wanted, in one statement. */
export const park = (count, type = "parked") =>
    psql(`SET ROLE sidecar; SELECT count(*) FROM ayb_jobs.enqueue_many('${type}',
        (SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, ${count}) AS n))`);

export const short = id => id.slice(-8);

export const jobs = page => page.getByRole("table", { name: "Jobs" });
export const row = (page, job) => jobs(page).getByRole("row").filter({ hasText: short(job.id) });
export const tab = (page, name) => page.getByRole("navigation", { name: "State" }).getByRole("link", { name });

/** What a payload may try to be, and must not become. */
export const HOSTILE = {
    markup: "<script>globalThis.hacked = 1</script><img src=x onerror='globalThis.hacked = 1'>",
    "<b>key</b>": "javascript:globalThis.hacked=1",
    turned: "\u202egnp.exe\u202c and \u0645\u0631\u062d\u0628\u0627",
    deep: JSON.parse(`${"[".repeat(300)}"bottom"${"]".repeat(300)}`),
    long: "x".repeat(1000) + "y".repeat(900_000),
};
