// Workers and lanes: who runs what since when, at which wait event, and ending it.
import assert from "node:assert/strict";
import { before } from "node:test";
import { ask, emptyServer, lookTest, pageTest, psql } from "./support.js";

before(() => {
    emptyServer();
    psql(`GRANT pg_read_all_stats TO ayb_jobs_read;
          CREATE OR REPLACE FUNCTION public.sleepy(payload jsonb) RETURNS void LANGUAGE plpgsql AS
              $$ BEGIN PERFORM ayb_jobs.set_progress(40, '<i>half</i> way'); PERFORM pg_sleep(600); END $$;
          SELECT ayb_jobs.register_handler('sleepy', 'public.sleepy(jsonb)')`);
});

const table = page => page.getByRole("table", { name: "Workers" });
const row = (page, id) => table(page).getByRole("row", { name: new RegExp(id.slice(-8)) });
const start = () => ask("POST", "jobs", { type: "sleepy" });
const end = job => ask("POST", `jobs/${job.id}/cancel?force=true`);

lookTest("who runs what", "/workers", async page => {
    const job = await start();
    try {
        await row(page, job.id).getByText("PgSleep").waitFor();
        const text = await row(page, job.id).innerText();
        assert.match(text, /sidecar/);
        assert.match(text, /40 %.*<i>half<\/i> way/s); // a note is no HTML
        assert.match(text, /\d+ s/);
        await page.getByRole("table", { name: "Lanes" }).getByRole("row", { name: /sidecar/ }).getByText("yes").waitFor();
    } finally {
        await end(job);
    }
    await row(page, job.id).waitFor({ state: "detached" });
});

lookTest("workers outside that hold jobs", "/workers", async page => {
    psql(`SELECT ayb_jobs.register_handler('parcel', kind => 'external');
          SELECT ayb_jobs.enqueue_many('parcel', '{1,2,3}'); SELECT count(*) FROM ayb_jobs.claim('<b>van</b> 7', '{parcel}', 3, '1 hour')`);
    try {
        const van = page.getByRole("table", { name: "Workers outside" }).getByRole("row", { name: /<b>van<\/b> 7/ }); // a name is no HTML
        await van.getByText("parcel").waitFor();
        const text = await van.innerText();
        assert.match(text, /postgres.*running.*parcel.*3/s);
        assert.match(text, /in (59|60) min|in 1 h/);
        await page.getByText("3 jobs held").waitFor();
        await van.getByRole("link").click();
        await page.getByRole("heading", { name: /parcel/ }).first().waitFor();
        await page.goBack();
    } finally {
        psql("SELECT count(ayb_jobs.cancel(id, true)) FROM ayb_jobs.jobs WHERE type = 'parcel'");
    }
    await page.getByRole("table", { name: "Workers outside" }).waitFor({ state: "detached" });
});

pageTest("cancel what runs, after a question", "/workers", async page => {
    const job = await start();
    await row(page, job.id).getByRole("button", { name: "Cancel" }).click();
    const dialog = page.getByRole("dialog", { name: "Cancel this job?" });
    await dialog.getByRole("button", { name: "Let it run" }).click();
    assert.equal(psql(`SELECT state FROM ayb_jobs.jobs WHERE id = '${job.id}'`), "running");
    await row(page, job.id).getByRole("button", { name: "Cancel" }).click();
    await dialog.getByRole("button", { name: "Cancel the job" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(psql(`SELECT state FROM ayb_jobs.jobs WHERE id = '${job.id}'`), "canceled");
    await row(page, job.id).waitFor({ state: "detached" });
});

pageTest("a lane that can't be served says why", "/workers", async page => {
    // The type has a handler that the role may run, so that its lane is wanted.
    psql(`CREATE ROLE closed LOGIN; GRANT EXECUTE ON FUNCTION public.sleepy(jsonb) TO closed;
          SET ROLE closed; SELECT ayb_jobs.enqueue('sleepy', run_at => now() + interval '1 s');
          RESET ROLE; ALTER ROLE closed NOLOGIN`);
    const lane = page.getByRole("table", { name: "Lanes" }).getByRole("row", { name: /closed/ });
    try {
        await lane.getByText("not served").waitFor();
        await lane.getByText(/log in/).waitFor();
    } finally {
        psql("DELETE FROM ayb_jobs.job_queue; REVOKE ALL ON FUNCTION public.sleepy(jsonb) FROM closed; DROP ROLE closed");
    }
});
