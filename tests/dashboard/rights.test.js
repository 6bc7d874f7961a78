// What a token may not do, the page shows no way to do; and none works.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { enqueue, failed, row } from "./jobs-support.js";
import { listen } from "./realtime-support.js";
import { ask, emptyServer, go, heading, logIn, openContext, openPage, psql, SCREENS, until, URL_OF_PAGE } from "./support.js";

before(emptyServer);

// What a page of somebody who may only look has: all else would change something.
const HARMLESS = /^(Skip to the content|Colours: .*|Log out|Copy.*|SQL|curl|CSV|JSON|Clear|Try (now|again)|Show .*|Search (again|further)|Stop|Older ones|The newest|Expand.*|Collapse.*)$/;
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
const named = (page, pattern) => page.getByRole("button", { name: pattern }).and(page.locator(":not(.sort, .json-body *)")).allTextContents();

/** By what a screen reader calls them. */
const names = buttons => buttons.evaluateAll(all => all.map(one => (one.getAttribute("aria-label") ?? one.textContent).trim()));

/** What is on each screen once it is there. */
const READY = {
    "/jobs": (page, { later }) => row(page, later).waitFor(),
    "/schedules": page => page.getByText("nightly").first().waitFor(),
    "/views": page => page.getByRole("listitem", { name: /seen/ }).waitFor(),
    "/types": page => page.getByRole("table", { name: "Types" }).waitFor(),
    "/errors": page => page.getByRole("table", { name: "Errors" }).waitFor(),
    "/flows": page => page.getByRole("table", { name: "Flows" }).waitFor(),
    "/workers": page => page.getByRole("table", { name: "Lanes" }).waitFor(),
    "/realtime": page => page.getByRole("table", { name: "Streams" }).getByText("listener").waitFor(),
    "/": page => page.getByRole("table", { name: "By type" }).waitFor(),
};

test("who may look is shown no way to change anything, and none works", async () => {
    const [bad, later] = await things();
    const { id: flow } = await ask("POST", "flows", { jobs: [{ name: "one", type: "bad", payload: { who: "y" } }, { name: "two", type: "good", dependsOn: ["one"] }] });
    await until(async () => (await ask("GET", `flows/${flow}`)).state === "standing", "the flow to stand");
    await ask("PUT", "types/parked/limit", { running: 1, runningPerKey: 1 });
    const { items: [schedule] } = await ask("GET", "schedules");
    psql(`CREATE TABLE IF NOT EXISTS public.listened (id integer PRIMARY KEY); GRANT SELECT ON public.listened TO ayb_authenticated;
          SELECT ayb_jobs.enable_realtime('public.listened')`);
    const stream = await listen("listened", "listener");
    const { paths } = await (await fetch(`${URL_OF_PAGE}openapi.json`)).json();
    try {
        await as("read", async (page, token) => {
            const details = { [`/jobs/${bad.id}`]: /bad/, [`/jobs/${later.id}`]: /parked/, "/types/parked": /parked/,
                [`/schedules/${schedule.id}`]: /nightly/, [`/flows/${flow}`]: /Flow/ };
            for (const [screen, title] of [...SCREENS, ...Object.entries(details)]) {
                await go(page, screen);
                await heading(page, title);
                await READY[screen]?.(page, { later });
                const buttons = await names(page.getByRole("button").and(page.locator(":not(.sort, .json-body *)")));
                assert.deepEqual(buttons.filter(name => !HARMLESS.test(name)), [], screen);
                assert.equal(await page.getByRole("switch").count(), 0, screen);
                assert.equal(await page.getByRole("checkbox").count(), 0, screen);
            }
            // Nor does a request that the page might have sent.
            const ids = { id: bad.id, type: "parked", client: "none" };
            for (const [path, methods] of Object.entries(paths))
                for (const [method, { "x-right": right }] of Object.entries(methods)) {
                    if (!right || right === "read") continue;
                    const address = path.slice(1).replace(/\{(\w+)\}/g, (_, name) => ids[name]);
                    const answer = await fetch(`${URL_OF_PAGE}${address}`, { method: method.toUpperCase(), headers: { Authorization: `Bearer ${token}` }, body: "{}" });
                    assert.equal(answer.status, 403, `${method} ${address}`);
                }
        });
    } finally {
        stream.abort();
        psql("DELETE FROM ayb_jobs.type_limits");
    }
});

test("who may act makes nothing and deletes nothing", async () => {
    emptyServer();
    const [bad] = await things();
    await as("operate", async page => {
        await go(page, `/jobs/${bad.id}`);
        await page.getByRole("button", { name: "Retry" }).waitFor();
        assert.deepEqual(await named(page, MAKES), []);
        psql("SELECT ayb_jobs.pause('bad')");
        await page.getByRole("button", { name: "Retry" }).click();
        await until(async () => (await ask("GET", `jobs/${bad.id}`)).state === "queued", "the job to be queued again");
        psql("SELECT ayb_jobs.resume('bad')");
        assert.equal((await ask("GET", `jobs/${bad.id}/actions`)).items[0].actor, "a_operate");
        for (const screen of ["/schedules", "/views"]) {
            await go(page, screen);
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
