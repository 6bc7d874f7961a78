// The list of jobs: what it shows, what it is filtered by, and what is done with some of them or with all.
import assert from "node:assert/strict";
import { before, beforeEach } from "node:test";
import { enqueue, failed, HOSTILE, inState, jobs, park, row, short, tab } from "./jobs-support.js";
import { accessible, ask, complaint, emptyServer, go, heading, lookTest, pageTest, psql, startServer, stopServer, until } from "./support.js";

before(emptyServer);
beforeEach(emptyServer);

const chosen = page => page.getByRole("region", { name: "Chosen jobs" });
const choose = (page, job) => page.getByRole("checkbox", { name: `Choose ${short(job.id)}` }).check();

lookTest("jobs of every state", "/jobs", async page => {
    const done = await inState((await enqueue("good", { to: "<you>" })).id, "completed");
    const bad = await failed({ who: "you" });
    const waits = await enqueue("nobody");
    const later = await enqueue("parked", {}, { runAt: new Date(Date.now() + 7_300_000).toISOString() });
    const gone = await enqueue("parked");
    await ask("POST", `jobs/${gone.id}/cancel`);
    await row(page, done).getByText("completed").waitFor();
    await row(page, done).getByText('{"to": "<you>"}').waitFor();
    await row(page, bad).getByText("no <b>luck</b> for you").waitFor();
    await row(page, waits).getByText("no handler").waitFor();
    await row(page, later).getByText("in 2 h").waitFor();
    await row(page, gone).getByText("canceled").waitFor();
    await tab(page, "Queued 2").waitFor();
    await tab(page, "Failed 1").waitFor();
    await tab(page, "Canceled 1").waitFor();
});

lookTest("no jobs yet", "/jobs", async page => {
    await page.getByText("No jobs yet").waitFor();
});

lookTest("no job that matches", "/jobs?q=nowhere", async page => {
    await page.getByText("No job matches").waitFor();
    await page.getByRole("button", { name: "Show all jobs" }).click();
    await page.getByText("No jobs yet").waitFor();
    assert.match(page.url(), /#\/jobs$/);
});

pageTest("filters stand in the address", "/jobs", async page => {
    const one = await failed({ who: "Ann" });
    const other = await failed({ who: "Bob" });
    const parked = await enqueue("parked", { text: "Ann's" });
    await row(page, parked).waitFor();

    await tab(page, "Failed").click();
    await row(page, parked).waitFor({ state: "detached" });
    assert.match(page.url(), /state=failed/);
    await page.getByLabel("Search").fill("luck</b> for ann");
    await row(page, other).waitFor({ state: "detached" });
    await row(page, one).waitFor();
    await until(() => /q=luck/.test(page.url()), "the text in the address");
    await page.reload();
    await row(page, one).waitFor();
    assert.equal(await page.getByLabel("Search").inputValue(), "luck</b> for ann");
    await tab(page, "Failed 1").and(page.locator("[aria-current=page]")).waitFor();

    await page.getByRole("button", { name: "Clear" }).click();
    await row(page, other).waitFor();
    await tab(page, "All").click();
    const type = page.getByRole("searchbox", { name: "Type" }).or(page.getByRole("combobox", { name: "Type" }));
    await type.fill("parked");
    await row(page, parked).waitFor();
    await row(page, one).waitFor({ state: "detached" });
    await tab(page, "All 1").waitFor();
    // The beginning of a name is none, unless one says so.
    await type.fill("park");
    await page.waitForTimeout(600);
    await row(page, parked).waitFor();
    await type.press("Enter");
    await page.getByText("No job matches").waitFor();
    await go(page, `/jobs?q=${parked.id}`);
    await row(page, parked).waitFor();
    await row(page, one).waitFor({ state: "detached" });
});

pageTest("a time", "/jobs", async page => {
    const now = await enqueue("parked");
    const old = await enqueue("parked");
    // A job of the past has an id of the past.
    psql(`UPDATE ayb_jobs.job_queue SET created_at = now() - interval '3 hours',
        id = overlay(id::text PLACING overlay(lpad(to_hex((extract(epoch FROM now() - interval '3 hours') * 1000)::bigint), 12, '0')
            PLACING '-' FROM 9 FOR 0) FROM 1 FOR 13)::uuid WHERE id = '${old.id}'`);
    await row(page, now).waitFor();
    await page.getByLabel("Created").selectOption("1h");
    await row(page, old).waitFor({ state: "detached" });
    await row(page, now).waitFor();
    assert.match(page.url(), /time=1h/);
    await page.getByLabel("Created", { exact: true }).selectOption("custom");
    await row(page, old).waitFor();
    const hourAgo = new Date(Date.now() - 3_600_000);
    const local = await page.evaluate(ms => {
        const date = new Date(ms);
        return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    }, hourAgo.getTime());
    await page.getByLabel("Created before").fill(local);
    await row(page, now).waitFor({ state: "detached" });
    await row(page, old).waitFor();
    await page.reload();
    await row(page, old).waitFor();
    assert.equal(await page.getByLabel("Created before").inputValue(), local);
});

pageTest("what happens is shown as it happens", "/jobs", async page => {
    await page.getByText("live", { exact: true }).waitFor();
    park(200);
    await tab(page, "Queued 200").waitFor();
    const job = await enqueue("parked", { new: true });
    await row(page, job).getByText("external").waitFor();
    await ask("POST", `jobs/${job.id}/cancel`);
    await row(page, job).getByText("canceled").waitFor();
    psql("SELECT ayb_jobs.pause('good')");
    const quick = await enqueue("good");
    await row(page, quick).getByText("0/3").waitFor();
    // Who has scrolled down, or chosen something, isn't moved; but what is there goes on.
    await choose(page, job);
    const next = await enqueue("parked", { newer: true });
    psql("SELECT ayb_jobs.resume('good')");
    await row(page, quick).getByText("completed").waitFor();
    await row(page, quick).getByText("1/3").waitFor();
    const news = page.getByRole("button", { name: "Show what is new" });
    await news.waitFor();
    assert.equal(await row(page, next).count(), 0);
    await accessible(page);
    await news.click();
    await row(page, next).waitFor();
});

pageTest("what has left a state leaves its tab, on all pages, and in a search", "/jobs?state=queued", async page => {
    park(250);
    const first = psql("SELECT min(id::text) FROM ayb_jobs.jobs");
    await tab(page, "Queued 250").waitFor();
    // So far down that there is a second page and a third, to their end: a page that has come lies below.
    await until(async () => {
        await page.mouse.wheel(0, 20_000);
        return (await row(page, { id: first }).count()) > 0;
    }, "the end");
    await page.getByText("That's all.").waitFor();
    await page.evaluate(() => window.scrollTo(0, 0));
    await ask("POST", `jobs/${first}/cancel`);
    await tab(page, "Queued 249").waitFor();
    await page.mouse.wheel(0, 20_000);
    await page.getByText("That's all.").waitFor();
    await row(page, { id: first }).waitFor({ state: "detached" });
    const found = await enqueue("parked", { needle: 1 });
    await go(page, "/jobs?state=queued&q=needle");
    await row(page, found).waitFor();
    await ask("POST", `jobs/${found.id}/cancel`);
    await row(page, found).waitFor({ state: "detached" });
});

lookTest("that there is something new covers nothing", "/jobs?q=needle", async page => {
    const job = await enqueue("parked", { needle: 1 });
    await page.reload();
    await row(page, job).waitFor();
    await enqueue("parked", { needle: 2 });
    const news = page.getByRole("button", { name: "Search again" });
    await news.waitFor();
    const covered = await news.evaluate(button => {
        const box = button.getBoundingClientRect();
        return [...document.querySelectorAll(".tab, .filters input, .filters select, .bulk > :not(.news)")].filter(other => {
            const { left, right, top, bottom } = other.getBoundingClientRect();
            return left < box.right && right > box.left && top < box.bottom && bottom > box.top;
        }).length;
    });
    assert.equal(covered, 0);
});

pageTest("a new job", "/jobs", async page => {
    await page.getByRole("button", { name: "New job" }).first().click();
    const form = page.getByRole("dialog", { name: "New job" });
    await form.getByRole("button", { name: "Enqueue" }).click();
    await form.getByText("A job has a type").waitFor();
    await form.getByLabel("Type").fill("parked");
    await form.getByText("A job has a type").waitFor({ state: "detached" });
    await form.getByLabel("Payload").fill('{"a": ');
    await form.getByText("This is no JSON").waitFor();
    await accessible(page);
    await form.getByLabel("Payload").fill('{"a": 12345678901234567890123, "b": "<ü>"}');
    await form.getByLabel("Run as").fill("nobody");
    await form.getByRole("button", { name: "Enqueue" }).click();
    await form.getByText(complaint("SELECT ayb_jobs.enqueue('parked', run_as => 'nobody')")).waitFor();
    assert.equal(await form.getByLabel("Run as").getAttribute("aria-invalid"), "true");
    await form.getByLabel("Run as").fill("");
    await form.getByLabel("Attempts").fill("7");
    await form.getByLabel("Idempotency key").fill("k1");
    await form.getByLabel("Run at").fill("2090-05-06T07:08:09");
    await form.getByRole("button", { name: "Enqueue" }).click();
    await heading(page, /^parked/);
    assert.equal(psql("SELECT payload, max_attempts, idempotency_key, run_at AT TIME ZONE 'UTC' FROM ayb_jobs.jobs"),
        '{"a": 12345678901234567890123, "b": "<ü>"}|7|k1|2090-05-06 05:08:09');
});

lookTest("the form of a new job", "/jobs", async page => {
    await page.getByRole("button", { name: "New job" }).first().click();
    await page.getByRole("dialog", { name: "New job" }).getByLabel("Type").fill("x");
});

lookTest("payloads that mean harm", "/jobs", async page => {
    const nasty = await enqueue("<img src=x onerror='globalThis.hacked = 1'>", HOSTILE);
    const turned = await enqueue("\u202edekrap", { turned: HOSTILE.turned, markup: HOSTILE.markup });
    await failed({ who: HOSTILE.markup });
    await row(page, nasty).waitFor();
    await row(page, turned).getByText("<script>").waitFor();
    await page.getByText(/no <b>luck<\/b> for <script>/).waitFor();
    assert.equal(await page.evaluate(() => globalThis.hacked), undefined);
});

pageTest("the server is stopped and started again", "/jobs", async page => {
    const job = await enqueue("parked");
    await row(page, job).waitFor();
    stopServer();
    try {
        await page.getByText("The database isn't available.").waitFor();
        assert.equal(await row(page, job).count(), 1);
        await tab(page, "Failed").click();
        await page.getByRole("button", { name: "Try again" }).waitFor();
        await accessible(page);
    } finally {
        startServer();
    }
    await page.getByText("No job matches").waitFor();
    await tab(page, "All").click();
    await row(page, job).waitFor();
    const next = await enqueue("parked");
    await row(page, next).waitFor();
});

pageTest("by keyboard", "/jobs", async page => {
    const first = await enqueue("parked");
    const second = await enqueue("parked");
    await row(page, second).waitFor();
    await row(page, second).getByRole("checkbox").focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await chosen(page).getByText("2 chosen").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await heading(page, /^parked/);
    assert.match(page.url(), new RegExp(second.id));
    assert.notEqual(first.id, second.id);
});
