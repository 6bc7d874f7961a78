// Schedules: what they say and when they come, and everything that is done with them.
import assert from "node:assert/strict";
import { beforeEach } from "node:test";
import { HOSTILE, inState } from "./jobs-support.js";
import { accessible, ask, emptyServer, go, heading, lookTest, pageTest, psql, startServer, stopServer, until } from "./support.js";

beforeEach(emptyServer);

const create = fields => ask("POST", "schedules", { name: "nightly", jobType: "parked", cronExpr: "0 3 * * *", ...fields });
const get = ({ id }) => ask("GET", `schedules/${id}`);
const open = (page, schedule) => go(page, `/schedules/${schedule.id}`);
const row = (page, name) => page.getByRole("table", { name: "Schedules" }).getByRole("row").filter({ hasText: name });
const TIME = /^\d+(\.\d)? (µs|ms|s)$/;
const panel = (page, name) => page.getByRole("region", { name, exact: true });

lookTest("a list of schedules", "/schedules", async page => {
    await create();
    await create({ name: "weekly", cronExpr: "0 9 * * MON", timezone: "Asia/Tokyo", enabled: false });
    const broken = await create({ name: "broken" });
    psql(`UPDATE ayb_jobs.schedules SET cron_expr = 'what?', next_run_at = NULL, last_error = 'invalid cron expression' WHERE id = '${broken.id}'`);
    await page.reload();
    await row(page, "nightly").getByText("at 03:00 every day").waitFor();
    await row(page, "nightly").getByText(/^in /).waitFor();
    await row(page, "weekly").getByText("at 09:00 on Monday, Asia/Tokyo").or(row(page, "weekly").getByText(/Monday.*Asia\/Tokyo/)).waitFor();
    await row(page, "weekly").getByText("disabled", { exact: true }).waitFor();
    await row(page, "broken").getByText("This rule can't be read.").waitFor();
    await row(page, "broken").getByText("can't run").waitFor();
    await page.getByText("3 schedules, 1 of them disabled").waitFor();
});

lookTest("a schedule whose jobs all fail says so", "/schedules", async page => {
    const schedule = await create({ jobType: "bad", cronExpr: "0 0 1 1 *", maxAttempts: 1 });
    for (let run = 0; run < 3; run++) await inState((await ask("POST", `schedules/${schedule.id}/run`)).id, "failed");
    await row(page, "nightly").getByText("3 failed").waitFor();
    await row(page, "nightly").getByText(TIME).waitFor();
    await open(page, schedule);
    await panel(page, "Last jobs").getByRole("alert").getByText("Its last 3 jobs failed").waitFor();
    assert.equal(await panel(page, "Last jobs").getByRole("cell").getByText(TIME).count(), 3);
});

lookTest("one whose last job went well says that, and how long it took; one whose refresh failed doesn't", "/schedules", async page => {
    psql(`CREATE MATERIALIZED VIEW IF NOT EXISTS public.unlucky AS SELECT 1 / (random() * 0)::int AS a WITH NO DATA;
          ALTER MATERIALIZED VIEW public.unlucky OWNER TO sidecar`);
    await ask("POST", "matviews", { viewName: "unlucky" });
    const fine = await create({ jobType: "good", cronExpr: "0 0 1 1 *" });
    const refresh = await create({ name: "refresh", jobType: "materialized_view_refresh", payload: { view_name: "unlucky" }, cronExpr: "0 0 1 1 *" });
    for (const { id } of [fine, refresh]) await inState((await ask("POST", `schedules/${id}/run`)).id, "completed");
    await row(page, "nightly").getByText("completed").waitFor();
    await row(page, "nightly").getByText(TIME).waitFor();
    await row(page, "refresh").getByText("failed", { exact: true }).waitFor();
    assert.equal(await row(page, "refresh").getByText("completed").count(), 0);
});

lookTest("no schedules yet", "/schedules", async page => {
    await page.getByText("No schedules yet").waitFor();
});

lookTest("one schedule: the next five, its last jobs, its last skip", "/schedules", async page => {
    const schedule = await create({ cronExpr: "30 9 * * *", timezone: "Asia/Tokyo", payload: { text: HOSTILE.markup } });
    const job = await ask("POST", `schedules/${schedule.id}/run`);
    psql(`UPDATE ayb_jobs.schedules SET last_skip = '{"at": "2026-01-02T03:04:05Z", "reason": "its last job <b>runs</b>"}'`);
    await open(page, schedule);
    await heading(page, /nightly/);
    const rule = panel(page, "Rule");
    await rule.getByText("at 09:30 every day").waitFor();
    const times = rule.getByRole("table").getByRole("row");
    await times.nth(5).waitFor();
    assert.equal(await times.count(), 6);
    // The page's viewer is in Berlin, which has no half hour less or more.
    assert.match(await times.nth(1).textContent(), /09:30:00 \+09:00.*(01|02):30:00 (CET|CEST|GMT\+[12])/);
    await panel(page, "Last jobs").getByText("its last job <b>runs</b>").waitFor();
    await panel(page, "Last jobs").getByText("run by hand").waitFor();
    await panel(page, "Payload").getByText("<script>").waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
    await panel(page, "Last jobs").getByRole("link").first().click();
    await heading(page, /^parked/);
    await page.getByRole("region", { name: "Story" }).getByRole("link", { name: "nightly" }).waitFor();
    assert.match(page.url(), new RegExp(job.id));
});

pageTest("a new schedule: the preview changes as one types, errors stand at their field", "/schedules", async page => {
    await create({ name: "taken" });
    await page.getByRole("button", { name: "New schedule" }).first().click();
    const form = page.getByRole("dialog", { name: "New schedule" });
    await form.getByLabel("Rule").fill("0 9 * * MON-FRI");
    await form.getByText("at 09:00 on weekdays").waitFor();
    assert.equal(await form.getByRole("table").getByRole("row").count(), 6);
    const first = await form.getByRole("table").getByRole("row").nth(1).textContent();
    await form.getByLabel("Time zone").fill("Asia/Tokyo");
    await form.getByText("at 09:00 on weekdays, Asia/Tokyo").waitFor();
    await until(async () => (await form.getByRole("table").getByRole("row").nth(1).textContent()) !== first, "the times to change");
    await form.getByText("+09:00").first().waitFor();

    await form.getByLabel("Rule").fill("0 25 * * *");
    const wrong = async () => (await form.getByLabel("Rule").getAttribute("aria-invalid")) === "true";
    await until(wrong, "the rule's error");
    await accessible(page);
    await form.getByLabel("Rule").fill("0 2 * * *");
    await until(async () => !(await wrong()), "the error to go");
    await form.getByLabel("Time zone").fill("Mars/Base");
    await form.getByText(/Mars\/Base/).last().waitFor();
    await until(async () => (await form.getByLabel("Time zone").getAttribute("aria-invalid")) === "true", "the zone's error");
    await form.getByLabel("Time zone").fill("Europe/Berlin");
    await form.getByText("at 02:00 every day, Europe/Berlin").waitFor();

    await form.getByRole("button", { name: "Create" }).click();
    await form.getByText("A schedule has a name").waitFor();
    await form.getByText("Each tick enqueues a job of a type").waitFor();
    await form.getByLabel("Name").fill("taken");
    await form.getByLabel("Job type").fill("parked");
    await form.getByLabel("Payload").fill('{"n": 12345678901234567890}');
    await form.getByLabel("If its last job isn't finished").selectOption("queue");
    await form.getByLabel("If ticks were missed").selectOption("all");
    await form.getByRole("button", { name: "Create" }).click();
    await form.getByText("schedule name already exists").waitFor();
    assert.equal(await form.getByLabel("Name").getAttribute("aria-invalid"), "true");
    await form.getByLabel("Name").fill("mine");
    await form.getByRole("button", { name: "Create" }).click();
    await heading(page, /mine/);
    assert.equal(psql("SELECT job_type, cron_expr, timezone, payload, overlap, missed, enabled FROM ayb_jobs.schedules WHERE name = 'mine'"),
        'parked|0 2 * * *|Europe/Berlin|{"n": 12345678901234567890}|queue|all|t');
});

lookTest("the form of a new schedule", "/schedules", async page => {
    await page.getByRole("button", { name: "New schedule" }).first().click();
    const form = page.getByRole("dialog", { name: "New schedule" });
    await form.getByRole("button", { name: "weekdays" }).click();
    await form.getByText("at 09:00 on weekdays").waitFor();
});

pageTest("a schedule is changed", "/schedules", async page => {
    const schedule = await create({ payload: { a: 1 } });
    await page.reload();
    await page.getByRole("button", { name: "Change nightly" }).click();
    const form = page.getByRole("dialog", { name: "Change nightly" });
    assert.equal(await form.getByLabel("Rule").inputValue(), "0 3 * * *");
    await form.getByText("at 03:00 every day").waitFor();
    await form.getByRole("button", { name: "every 15 min" }).click();
    await form.getByText("every 15 minutes").waitFor();
    await form.getByLabel("Attempts").fill("9");
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
    await row(page, "nightly").getByText("every 15 minutes").waitFor();
    const { cronExpr, maxAttempts, payload } = await get(schedule);
    assert.deepEqual({ cronExpr, maxAttempts, payload }, { cronExpr: "*/15 * * * *", maxAttempts: 9, payload: { a: 1 } });
});

pageTest("disabled, enabled, run, deleted from the list", "/schedules", async page => {
    const schedule = await create();
    await page.reload();
    const flip = page.getByRole("switch", { name: "nightly enabled" });
    await flip.click();
    await row(page, "nightly").getByText("disabled", { exact: true }).waitFor();
    assert.equal(await flip.getAttribute("aria-checked"), "false");
    assert.equal((await get(schedule)).enabled, false);
    await flip.focus();
    await page.keyboard.press("Space");
    await row(page, "nightly").getByText(/^in /).waitFor();
    assert.equal((await get(schedule)).enabled, true);

    await page.getByRole("button", { name: "Run nightly now" }).click();
    await page.getByText("A job of nightly is enqueued").waitFor();
    assert.equal(psql(`SELECT count(*) FROM ayb_jobs.jobs WHERE schedule_id = '${schedule.id}'`), "1");

    await page.getByRole("button", { name: "Delete nightly" }).click();
    const question = page.getByRole("dialog", { name: "Delete this schedule?" });
    await accessible(page);
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    assert.equal((await get(schedule)).name, "nightly");
    await page.getByRole("button", { name: "Delete nightly" }).click();
    await question.getByRole("button", { name: "Delete it" }).click();
    await page.getByText("No schedules yet").waitFor();
    assert.equal((await get(schedule)).code, 404);
    assert.equal(psql("SELECT count(*) FROM ayb_jobs.jobs"), "1");
});

pageTest("the same on its own page", "/schedules", async page => {
    const schedule = await create();
    await open(page, schedule);
    await page.getByRole("switch").click();
    await page.getByText("It is disabled.").waitFor();
    await page.getByRole("switch").click();
    await page.getByText("It is disabled.").waitFor({ state: "detached" });
    await panel(page, "Last jobs").getByText("It has enqueued no job yet").waitFor();
    await page.getByRole("button", { name: "Run now" }).click();
    await panel(page, "Last jobs").getByText("queued").waitFor();
    await page.getByRole("button", { name: "Change" }).click();
    await page.getByRole("dialog").getByLabel("Rule").fill("0 4 * * *");
    await page.getByRole("button", { name: "Save" }).click();
    await panel(page, "Rule").getByText("at 04:00 every day").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await heading(page, "Schedules");
    await page.getByText("No schedules yet").waitFor();
});

pageTest("a tick is shown as it comes", "/schedules", async page => {
    const schedule = await create({ cronExpr: "* * * * * *" });
    assert.equal(schedule.code, undefined, JSON.stringify(schedule));
    await open(page, schedule);
    await panel(page, "Last jobs").getByText("queued").waitFor();
    assert.equal(await panel(page, "Last jobs").getByText("run by hand").count(), 0);
    // The next ones are left out, as that job waits for ever.
    await panel(page, "Last jobs").getByText("was left out").waitFor();
});

lookTest("no such schedule", "/schedules/01234567-89ab-7def-8123-456789abcdef", async page => {
    await page.getByText("There is no such schedule").waitFor();
});

pageTest("the server is stopped and started again", "/schedules", async page => {
    await create();
    await page.reload();
    await row(page, "nightly").waitFor();
    stopServer();
    try {
        await page.getByText("The database isn't available.").waitFor();
        await page.getByRole("switch", { name: "nightly enabled" }).click();
        await page.getByRole("alert").getByText("the database is not available").waitFor();
        assert.equal(await page.getByRole("switch", { name: "nightly enabled" }).getAttribute("aria-checked"), "true");
        await accessible(page);
    } finally {
        startServer();
    }
    await page.getByText("The database isn't available.").waitFor({ state: "detached" });
    await until(() => create({ name: "another" }).then(({ id }) => id, () => false), "another schedule");
    await page.reload();
    await row(page, "another").waitFor();
});
