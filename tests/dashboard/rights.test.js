// What a token may not do, the page shows no way to do; and none works.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { enqueue, failed, row } from "./jobs-support.js";
import { ask, emptyServer, heading, logIn, openContext, openPage, psql, until, URL_OF_PAGE } from "./support.js";

before(emptyServer);

const CHANGES = /^(Retry|Run|Cancel|Delete|Reschedule|Enqueue another|New|Change|Register|Unregister|Refresh now|Schedule|Pause|Resume)/;
const MAKES = /^(Delete|Enqueue another|New|Change|Register|Unregister|Schedule)/;

/** A page of somebody with a token of that right. */
async function as(right, body) {
    const { token } = await ask("POST", "tokens", { name: `a_${right}`, right });
    const context = await openContext();
    try {
        const page = await openPage(context, "/jobs");
        await logIn(page, token);
        await heading(page, "Jobs");
        await body(page, token);
        assert.deepEqual(page.faults, []);
    } finally {
        await context.close();
    }
}

async function things() {
    psql(`CREATE MATERIALIZED VIEW IF NOT EXISTS public.seen AS SELECT 1 AS a;
          ALTER MATERIALIZED VIEW public.seen OWNER TO sidecar`);
    const { items } = await ask("GET", "matviews");
    if (items.length === 0) await ask("POST", "matviews", { viewName: "seen" });
    await ask("POST", "schedules", { name: "nightly", jobType: "parked", cronExpr: "0 3 * * *" });
    return [await failed({ who: "x" }), await enqueue("parked", {}, { runAt: "2090-01-01T00:00:00Z" })];
}

/** Of buttons but the heads of tables, which sort. */
const named = (page, pattern) => page.getByRole("button", { name: pattern }).and(page.locator(":not(.sort)")).allTextContents();

test("who may look is shown no way to change anything, and none works", async () => {
    const [bad, later] = await things();
    await as("read", async (page, token) => {
        const screens = ["/jobs", `/jobs/${bad.id}`, `/jobs/${later.id}`, "/types", "/types/parked", "/errors", "/schedules",
            "/views", "/workers", "/"];
        for (const screen of screens) {
            await page.goto(`${URL_OF_PAGE}#${screen}`);
            await page.getByRole("heading", { level: 1 }).waitFor();
            if (screen === "/jobs") await row(page, later).waitFor();
            if (screen === "/schedules") await page.getByText("nightly").first().waitFor();
            if (screen === "/views") await page.getByRole("listitem", { name: /seen/ }).waitFor();
            assert.deepEqual(await named(page, CHANGES), [], screen);
            assert.equal(await page.getByRole("switch").count(), 0, screen);
            assert.equal(await page.getByRole("checkbox").count(), 0, screen);
        }
        for (const [method, path] of [["POST", `jobs/${bad.id}/retry`], ["DELETE", `jobs/${bad.id}`], ["POST", "types/parked/pause"]]) {
            const answer = await fetch(`${URL_OF_PAGE}api/admin/${path}`, { method, headers: { Authorization: `Bearer ${token}` } });
            assert.equal(answer.status, 403, path);
        }
    });
});

test("who may act makes nothing and deletes nothing", async () => {
    emptyServer();
    const [bad] = await things();
    await as("operate", async page => {
        await page.goto(`${URL_OF_PAGE}#/jobs/${bad.id}`);
        await page.getByRole("button", { name: "Retry" }).waitFor();
        assert.deepEqual(await named(page, MAKES), []);
        psql("SELECT ayb_jobs.pause('bad')");
        await page.getByRole("button", { name: "Retry" }).click();
        await until(async () => (await ask("GET", `jobs/${bad.id}`)).state === "queued", "the job to be queued again");
        psql("SELECT ayb_jobs.resume('bad')");
        assert.equal((await ask("GET", `jobs/${bad.id}/actions`)).items[0].actor, "a_operate");
        for (const screen of ["/schedules", "/views"]) {
            await page.goto(`${URL_OF_PAGE}#${screen}`);
            await page.getByRole("button", { name: screen === "/views" ? "Refresh now" : /^Run nightly/ }).waitFor();
            assert.deepEqual(await named(page, MAKES), [], screen);
        }
    });
});

test("a text that is neither password nor token", async () => {
    const context = await openContext();
    try {
        const page = await openPage(context, "/");
        await logIn(page, "a".repeat(64));
        await page.getByText("That isn't the password, nor a token.").waitFor();
    } finally {
        await context.close();
    }
});
