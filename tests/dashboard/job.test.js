// One job: its story as it goes on, its values, and what is done with it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before } from "node:test";
import { enqueue, failed, HOSTILE, inState, row, short } from "./jobs-support.js";
import { accessible, ask, complaint, emptyServer, fits, go, heading, lookTest, pageTest, psql, startServer, stopServer, until, URL_OF_PAGE } from "./support.js";

before(emptyServer);

const open = (page, job) => go(page, `/jobs/${job.id}`);
const panel = (page, name) => page.getByRole("region", { name, exact: true });
const badge = (page, state) => page.getByRole("heading", { level: 1 }).getByText(state).waitFor();
const copied = page => page.evaluate(() => navigator.clipboard.readText());

lookTest("the story of a job that fails, and tries again", "/jobs", async page => {
    const job = await enqueue("flaky", { who: "you" });
    await until(async () => (await ask("GET", `jobs/${job.id}`)).attempts === 2, "two attempts");
    await open(page, job);
    const story = panel(page, "Story");
    await story.getByText("Enqueued").waitFor();
    await story.getByText("Attempt 1 failed").waitFor();
    await story.getByText("Attempt 2 failed").waitFor();
    await story.getByText("Waits for its next attempt").waitFor();
    assert.equal(await story.getByText("no <b>luck</b> for you").count(), 2);
    assert.equal(await story.getByText("22012").count(), 2);
    await story.getByText("claimed by").first().waitFor();
    await story.getByText(/in (59 min|1 h)/).waitFor();
});

lookTest("the story of one that completes, and its result", "/jobs", async page => {
    const job = await inState((await enqueue("good", { n: [1, { a: null }], t: "<b>" })).id, "completed");
    await open(page, job);
    await badge(page, "completed");
    await panel(page, "Story").getByText("Attempt 1 completed").waitFor();
    await panel(page, "Payload").getByText('"<b>"').waitFor();
    await panel(page, "Result").getByText('"echo"').waitFor();
});

lookTest("who did what with a job by hand, among its attempts", "/jobs", async page => {
    const job = await failed({ who: "them" });
    const { token } = await ask("POST", "tokens", { name: "ann", right: "operate" });
    const as = (path, body) =>
        fetch(`${URL_OF_PAGE}api/admin/jobs/${job.id}${path}`, {
            method: body ? "PATCH" : "POST", headers: { Authorization: `Bearer ${token}` }, ...(body && { body: JSON.stringify(body) }),
        });
    psql("SELECT ayb_jobs.pause('bad')");
    try {
        assert.equal((await as("/retry")).status, 200);
        assert.equal((await as("", { runAt: "2090-01-01T00:00:00Z" })).status, 200);
        psql(`SELECT ayb_jobs.cancel('${job.id}')`);
    } finally {
        psql("SELECT ayb_jobs.resume('bad')");
    }
    await open(page, job);
    const story = panel(page, "Story");
    await story.getByText("Put back into the queue").waitFor();
    const titles = (await story.locator(".moment-title").allTextContents()).map(title => title.trim());
    assert.deepEqual(titles, ["Enqueued", "Attempt 1 failed", "Put back into the queue", "Put to another time", "Canceled"]);
    assert.match(await story.getByRole("listitem").nth(3).innerText(), /by ann, as the role ayb_jobs_operate/);
    assert.match(await story.getByRole("listitem").nth(4).innerText(), /by postgres/);
    assert.equal(await story.getByText("as the role").count(), 2);
});

lookTest("what a job was given beside, what it said, and where it failed", "/jobs", async page => {
    psql(`CREATE OR REPLACE FUNCTION public.says(payload jsonb) RETURNS void LANGUAGE plpgsql AS $$
          BEGIN
              PERFORM ayb_jobs.add_log('came <b>so far</b>'), ayb_jobs.add_log('and no further', 'warning');
              RAISE EXCEPTION 'said' USING HINT = 'try <i>less</i>';
          END $$;
          SELECT ayb_jobs.register_handler('says', 'public.says(jsonb)', max_attempts => 1)`);
    const made = await enqueue("says", {}, { meta: { tenant: "<b>seven</b>" }, uniqueKey: "key <b>8</b>",
        expiresAt: new Date(Date.now() + 2_730_000).toISOString() });
    const job = await inState(made.id, "failed");
    await open(page, job);
    const facts = page.getByRole("region", { name: "Facts" });
    await facts.getByText("key <b>8</b>").waitFor();
    await facts.getByText(/To be started by\s*in 4\d min/).waitFor();
    await panel(page, "Meta").getByText('"<b>seven</b>"').waitFor();
    const log = panel(page, "Log");
    await log.getByText("came <b>so far</b>").waitFor();
    await log.getByText(/Attempt 1 · warning/).waitFor();
    const story = panel(page, "Story");
    await story.getByText("try <i>less</i>").waitFor();
    await story.getByText("Context").click();
    await story.getByText(/PL\/pgSQL function says\(jsonb\) line 4/).waitFor();
    psql("SELECT ayb_jobs.unregister_handler('says'); DROP FUNCTION public.says(jsonb)");
});

lookTest("a refresh that fails is no success, though its job completes", "/jobs", async page => {
    psql(`CREATE MATERIALIZED VIEW IF NOT EXISTS public.no_luck AS SELECT 1 / (random() * 0)::int AS a WITH NO DATA;
          ALTER MATERIALIZED VIEW public.no_luck OWNER TO sidecar`);
    const job = await inState((await enqueue("materialized_view_refresh", { view_name: "no_luck" })).id, "completed");
    const line = row(page, job);
    await line.getByText("refresh failed").waitFor();
    assert.equal(await line.locator(".badge.completed").count(), 0);
    await open(page, job);
    await badge(page, "refresh failed");
    await panel(page, "Story").getByText("Attempt 1 completed, but the refresh failed").waitFor();
    await panel(page, "Story").getByText(complaint("SELECT 1 / 0")).waitFor();
    assert.equal(await page.locator(".badge.completed, .moment.completed").count(), 0);
});

pageTest("a job that is canceled before its time was never due", "/jobs", async page => {
    const job = await enqueue("parked", {}, { runAt: new Date(Date.now() + 2_730_000).toISOString() });
    await ask("POST", `jobs/${job.id}/cancel`);
    await open(page, job);
    await page.getByRole("region", { name: "Facts" }).getByText(/Was planned for\s*in 45 min/).waitFor();
});

pageTest("a job runs before one's eyes", "/jobs", async page => {
    psql("SELECT ayb_jobs.pause('slow')");
    const job = await enqueue("slow", { percent: 42 });
    await open(page, job);
    await badge(page, "waiting");
    await panel(page, "Story").getByText("Waits for a worker").waitFor();
    psql("SELECT ayb_jobs.resume('slow')");
    await badge(page, "running");
    const story = panel(page, "Story");
    await story.getByText("Attempt 1 is running").waitFor();
    await story.getByText("42 %").waitFor();
    const note = await story.getByText(/step <i>/).textContent();
    await until(async () => (await story.getByText(/step <i>/).textContent()) !== note, "the progress to go on");
    await accessible(page);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog", { name: "Cancel this job?" }).getByText("is interrupted").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the job" }).click();
    await badge(page, "canceled");
    await story.getByText("Attempt 1 was interrupted").waitFor();
    assert.equal((await ask("GET", `jobs/${job.id}`)).state, "canceled");
});

pageTest("retry and cancel", "/jobs", async page => {
    const bad = await failed({ who: "x" });
    psql("SELECT ayb_jobs.pause('bad')");
    await open(page, bad);
    await panel(page, "Story").getByText("Failed for good").waitFor();
    await page.getByRole("button", { name: "Retry" }).click();
    await badge(page, "waiting");
    assert.equal((await ask("GET", `jobs/${bad.id}`)).attempts, 0);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    const question = page.getByRole("dialog", { name: "Cancel this job?" });
    await accessible(page);
    await question.getByRole("button", { name: "Cancel the job" }).click();
    await badge(page, "canceled");
    await page.getByText(`Job ${short(bad.id)} canceled`).waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Retry|Cancel|Force)/ }).count(), 0);
    psql("SELECT ayb_jobs.resume('bad')");
});

pageTest("what can't be done is said", "/jobs", async page => {
    const job = await enqueue("parked");
    await open(page, job);
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    // Somebody else was quicker.
    await page.route("**/api/admin/jobs/*/cancel", async route => {
        await ask("POST", `jobs/${job.id}/cancel`);
        await route.continue();
    });
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByRole("alert").getByText("not found or not in queued state").waitFor();
});

pageTest("copied as SQL and as curl it is the same job again", "/jobs", async page => {
    const payload = { text: "it's a \\ \"<b>\"\n$$ü", n: 1.5, deep: [{ a: null }] };
    const job = await enqueue("parked", payload, { maxAttempts: 4 });
    await open(page, job);
    const same = `SELECT count(*) FROM ayb_jobs.jobs AS a JOIN ayb_jobs.jobs AS b USING (type, payload, max_attempts, run_as)
        WHERE a.id = '${job.id}' AND b.id <> a.id`;
    await page.getByRole("button", { name: "Copy as SQL" }).click();
    await page.getByText("Copied").first().waitFor();
    const statement = await copied(page);
    for (const standard of ["on", "off"]) psql(`SET standard_conforming_strings = ${standard}; ${statement}`);
    assert.equal(psql(same), "2");

    await page.getByRole("button", { name: "Copy as curl" }).click();
    await until(async () => (await copied(page)).startsWith("curl"), "the command to be copied");
    const token = await page.evaluate(() => sessionStorage.getItem("ayb_jobs.token"));
    execFileSync("bash", ["-c", await copied(page)], { env: { ...process.env, AYB_ADMIN_TOKEN: token }, stdio: "pipe" });
    assert.equal(psql(same), "3");
    await page.getByRole("button", { name: "Copy the id" }).click();
    await until(async () => (await copied(page)) === job.id, "the id to be copied");
});

lookTest("a payload that means harm", "/jobs", async page => {
    const job = await enqueue("<h1>type</h1>", HOSTILE, { idempotencyKey: `<i>${Math.random()}` });
    await open(page, job);
    const payload = panel(page, "Payload");
    await payload.getByText("<script>").waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
    // Marks that turn text are shown as what they are.
    await payload.getByText("\\u202egnp.exe\\u202c").waitFor();
    // Unfolded as far as one likes, and no further.
    assert.equal(await payload.getByText("bottom").count(), 0);
    const folds = payload.locator("button[aria-expanded=false]");
    for (let level = 0; level < 5; level++) await folds.first().click();
    assert.equal(await payload.getByText("bottom").count(), 0);
    assert.ok((await payload.textContent()).length < 5000, "a long text is cut");
    await payload.getByRole("button", { name: /more of/ }).click();
    await payload.getByText("yyyyyyyyyy").waitFor();
    await page.getByRole("button", { name: "Copy payload" }).click();
    await until(async () => (await copied(page)).length > 900_000, "all of it to be copied");
    assert.deepEqual(JSON.parse(await copied(page)), HOSTILE);
});

lookTest("no such job", "/jobs/01234567-89ab-7def-8123-456789abcdef", async page => {
    await page.getByText("There is no such job").waitFor();
});

pageTest("an address that is no id", "/jobs/%3Cb%3E", async page => {
    await page.getByText("There is no such job").waitFor();
});

pageTest("what a job waits for", "/jobs", async page => {
    await open(page, await enqueue("nobody"));
    await panel(page, "Story").getByText("none is registered for its type").waitFor();
    await open(page, await enqueue("parked"));
    await panel(page, "Story").getByText("a worker outside of the server").waitFor();
    await open(page, await enqueue("parked", {}, { runAt: "2090-01-01T00:00:00Z" }));
    await panel(page, "Story").getByText("Waits for its time").waitFor();
    await page.getByRole("region", { name: "Facts" }).getByRole("link", { name: "parked" }).click();
    await heading(page, "parked");
    assert.match(page.url(), /#\/types\/parked$/);
});

pageTest("the server is stopped and started again", "/jobs", async page => {
    const job = await enqueue("parked");
    await open(page, job);
    await badge(page, "external");
    stopServer();
    try {
        await page.getByText("The database isn't available.").waitFor();
        await badge(page, "external"); // as it was
        await fits(page);
    } finally {
        startServer();
    }
    await page.getByText("The database isn't available.").waitFor({ state: "detached" });
    await until(() => ask("POST", `jobs/${job.id}/cancel`).then(({ state }) => state === "canceled", () => false), "the job to be canceled");
    await badge(page, "canceled");
});
