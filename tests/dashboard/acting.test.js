// What is done with jobs beside retry and cancel: run now, reschedule, delete, another one like it; singly, and over a
// filter; phases told apart; what is sorted, exported, found by a path.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, beforeEach } from "node:test";
import { enqueue, failed, inState, jobs, row, short, tab } from "./jobs-support.js";
import { accessible, ask, emptyServer, fits, go, heading, lookTest, pageTest, psql, until } from "./support.js";

before(() => {
    emptyServer();
    psql(`CREATE OR REPLACE FUNCTION public.naps(payload jsonb) RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep((payload ->> 's')::float) $$;
          SELECT ayb_jobs.register_handler('naps', 'public.naps(jsonb)')`);
});
beforeEach(emptyServer);

const LATER = { runAt: "2090-05-06T07:08:09Z" };
const open = (page, job) => go(page, `/jobs/${job.id}`);
const badge = (page, word) => page.getByRole("heading", { level: 1 }).getByText(word).waitFor();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const chosen = page => page.getByRole("region", { name: "Chosen jobs" });
const order = page => jobs(page).locator("tbody .job-name code").allTextContents();
/** Until these are shown in this order, and no other. The list of before stands for a moment: a row of it is no sign of the new one. */
const shows = (page, ...wanted) => {
    const ids = String(wanted.map(({ id }) => short(id)));
    return until(async () => String(await order(page)) === ids, `${ids}, in this order`);
};

pageTest("a job of later runs now, is put off, and goes before others", "/jobs", async page => {
    const job = await enqueue("parked", {}, LATER);
    await open(page, job);
    await badge(page, "scheduled");
    await button(page, "Run now").click();
    await badge(page, "external");
    await button(page, "Reschedule").click();
    const form = page.getByRole("dialog", { name: "Reschedule this job" });
    await form.getByLabel("Run at").fill("");
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByText("A day and a time").waitFor();
    await accessible(page);
    await form.getByLabel("Run at").fill("2091-02-03T04:05:06");
    await form.getByLabel("Priority").selectOption("-4");
    await form.getByRole("button", { name: "Save" }).click();
    await badge(page, "scheduled");
    assert.equal(psql("SELECT run_at AT TIME ZONE 'UTC', priority FROM ayb_jobs.jobs"), "2091-02-03 03:05:06|-4");
    await ask("POST", `jobs/${job.id}/cancel`);
    await badge(page, "canceled");
    await button(page, "Run now").click();
    await badge(page, "external");
});

pageTest("another like it, and then it is deleted", "/jobs", async page => {
    const job = await enqueue("parked", { n: 12345678901 }, { ...LATER, maxAttempts: 7 });
    await open(page, job);
    await button(page, "Enqueue another").click();
    await page.getByRole("dialog", { name: "New job" }).getByRole("button", { name: "Enqueue" }).click();
    await page.getByText("Job enqueued").waitFor();
    const same = "SELECT count(*) FROM ayb_jobs.jobs WHERE type = 'parked' AND payload = '{\"n\": 12345678901}' AND max_attempts = 7";
    assert.equal(psql(same), "2");
    await open(page, job);
    await button(page, "Delete this job").click();
    const question = page.getByRole("dialog", { name: "Delete this job?" });
    await question.getByText(short(job.id)).waitFor();
    await question.getByRole("button", { name: "Delete the job" }).click();
    await heading(page, "Jobs");
    assert.equal(psql(same), "1");
});

pageTest("phases are told apart, and are acted on as a whole", "/jobs?state=queued", async page => {
    const later = await Promise.all([1, 2, 3].map(() => enqueue("parked", {}, LATER)));
    const waits = await enqueue("nobody");
    const now = await enqueue("parked");
    const phases = page.getByRole("navigation", { name: "Phase" });
    await phases.getByRole("link", { name: "scheduled 3" }).waitFor();
    await phases.getByRole("link", { name: "waiting 1" }).waitFor();
    await phases.getByRole("link", { name: "external 1" }).click();
    await shows(page, now);
    await phases.getByRole("link", { name: "waiting" }).click();
    await shows(page, waits);
    await phases.getByRole("link", { name: "scheduled" }).click();
    await until(async () => (await order(page)).length === later.length, "the scheduled ones");
    for (const job of later) await row(page, job).waitFor();
    await page.getByLabel("Choose all that are shown").check();
    await chosen(page).getByRole("button", { name: "Run now 3 scheduled" }).click();
    await page.getByRole("dialog", { name: "Run 3 scheduled jobs now?" }).getByRole("button", { name: "Run them now" }).click();
    await page.getByText("3 jobs made due").waitFor();
    await page.getByText("No job matches").waitFor();
    assert.equal(psql("SELECT count(*) FROM ayb_jobs.jobs WHERE phase = 'external'"), "4");
});

pageTest("over a filter jobs are canceled, run now and deleted", "/jobs", async page => {
    psql(`SET ROLE sidecar; SELECT count(*) FROM ayb_jobs.enqueue_many('parked',
        (SELECT array_agg(jsonb_build_object('n', n)) FROM generate_series(1, 150) AS n), run_at => '2090-01-01')`);
    const other = await enqueue("nobody");
    const every = async (address, verb, question, answer, said) => {
        await go(page, `/jobs?${address}`);
        // A page that scrolls has more than is loaded.
        await tab(page, /150/).first().waitFor();
        await page.getByLabel("Choose all that are shown").check();
        await chosen(page).getByRole("button", { name: "Choose all that match" }).click();
        await chosen(page).getByRole("button", { name: verb }).click();
        await page.getByRole("dialog", { name: question }).getByRole("button", { name: answer }).click();
        await page.getByText(said).first().waitFor();
    };
    await every("state=queued&phase=scheduled&type=parked", "Run now 150 scheduled",
        "Run every scheduled job that matches (150) now?", "Run them now", "150 jobs made due");
    await every("state=queued&type=parked", "Cancel 150 queued", "Cancel every queued job that matches (150)?", "Cancel them",
        "150 jobs canceled");
    await every("state=canceled", "Delete 150 canceled", "Delete every canceled job that matches (150)?", "Delete them",
        "150 jobs deleted");
    assert.equal(psql("SELECT id FROM ayb_jobs.jobs"), other.id);
});

pageTest("by a path in the payload, and by the kind of an error", "/jobs", async page => {
    const mine = await enqueue("parked", { customer: { id: 17 } });
    const other = await enqueue("parked", { customer: { id: 171 } });
    await row(page, other).waitFor();
    await page.getByLabel("Search").fill("payload.customer.id: 17");
    await row(page, other).waitFor({ state: "detached" });
    await row(page, mine).waitFor();
});

pageTest("sorted by a head", "/jobs", async page => {
    const all = [];
    for (const type of ["b", "c", "a"]) all.push(await enqueue(type, {}, { maxAttempts: 3 }));
    for (const job of all) await row(page, job).waitFor();
    const [b, c, a] = all;
    const head = jobs(page).getByRole("button", { name: "Job" });
    await shows(page, a, c, b);
    await head.click();
    await shows(page, a, b, c);
    await jobs(page).locator("th[aria-sort=ascending]").waitFor();
    await head.click();
    await shows(page, c, b, a);
    await head.click();
    await shows(page, a, c, b);
    psql(`UPDATE ayb_jobs.job_queue SET attempts = CASE type WHEN 'a' THEN 2 WHEN 'b' THEN 1 ELSE 0 END,
              run_at = now() + CASE type WHEN 'a' THEN '2 h' WHEN 'b' THEN '3 h' ELSE '1 h' END::interval`);
    const took = [await inState((await enqueue("naps", { s: 0.3 })).id, "completed"), await inState((await enqueue("naps", { s: 0.01 })).id, "completed")];
    await page.reload();
    for (const job of [...all, ...took]) await row(page, job).waitFor();
    const by = name => jobs(page).getByRole("button", { name, exact: true }).click();
    await by("Took");
    // Those that took no time yet come behind.
    await until(async () => (await order(page)).slice(0, 2).join() === [took[1], took[0]].map(({ id }) => short(id)).join(), "the quicker one first");
    await jobs(page).locator("th[aria-sort=ascending]").waitFor();
    await go(page, "/jobs?state=queued");
    await row(page, took[0]).waitFor({ state: "detached" });
    await by("Attempts");
    await shows(page, c, b, a);
    await by("When");
    await shows(page, c, a, b);
});

pageTest("exported", "/jobs?type=parked", async page => {
    const job = await enqueue("parked", { text: '=cmd, "x"' });
    await enqueue("nobody");
    await row(page, job).waitFor();
    const file = async name => {
        const [download] = await Promise.all([page.waitForEvent("download"), button(page, name).click()]);
        return readFileSync(await download.path(), "utf8");
    };
    const [head, line, ...rest] = (await file("CSV")).trimEnd().split("\r\n");
    assert.match(head, /^id,type,state,phase,/);
    assert.ok(line.startsWith(`${job.id},parked,queued,external,`) && line.endsWith('"{""text"": ""=cmd, \\""x\\""""}"'), line);
    assert.deepEqual(rest, []);
    const [only, ...others] = JSON.parse(await file("JSON"));
    assert.equal(only.id, job.id);
    assert.deepEqual(others, []);
});

pageTest("by the keys", "/jobs", async page => {
    const first = await enqueue("parked");
    const second = await enqueue("parked");
    await row(page, second).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await accessible(page);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "detached" });
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await chosen(page).getByText("1 chosen").waitFor();
    await page.keyboard.press("k");
    await page.keyboard.press("j");
    // On the box that was clicked no letter is lost, in a field none acts.
    await page.keyboard.press("/");
    await page.keyboard.type("j?");
    assert.equal(await page.getByLabel("Search").inputValue(), "j?");
    assert.equal(await page.getByRole("dialog").count(), 0);
    assert.ok(first.id < second.id);
});

lookTest("types, and one of them", "/types", async page => {
    await failed({ who: "x" });
    await enqueue("nobody");
    const table = page.getByRole("table", { name: "Types" });
    const line = type => table.getByRole("row").filter({ has: page.getByRole("link", { name: type, exact: true }) });
    await line("bad").getByText("public.bad").waitFor();
    await line("nobody").getByText("no handler").waitFor();
    await line("parked").getByText("workers outside").waitFor();
    await accessible(page);
    await fits(page);
    await line("parked").getByRole("button", { name: "Pause" }).click();
    await line("parked").getByText("paused").waitFor();
    assert.equal((await ask("GET", "types/parked")).paused, true);
    await line("parked").getByRole("link", { name: "parked", exact: true }).click();
    await heading(page, /parked/);
    await accessible(page);
    await fits(page);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await go(page, "/types/bad");
    await page.getByRole("region", { name: "Handler" }).getByText("Attempts").waitFor();
    await go(page, "/types/there%20is%20none");
    await page.getByText("There is no such type").waitFor();
});

lookTest("errors, of each kind once", "/errors", async page => {
    for (const who of ["Ann 1", "Ann 22", "Bob"]) await failed({ who });
    const table = page.getByRole("table", { name: "Errors" });
    const line = text => table.getByRole("row").filter({ hasText: text });
    await line("for Ann #").getByText("2", { exact: true }).waitFor();
    await line("for Bob").getByText("1", { exact: true }).waitFor();
});

pageTest("all that failed with an error are retried, and no other", "/errors", async page => {
    const ann = [await failed({ who: "Ann 1" }), await failed({ who: "Ann 22" })];
    const bob = await failed({ who: "Bob" });
    psql("SELECT ayb_jobs.pause('bad')");
    const line = page.getByRole("table", { name: "Errors" }).getByRole("row").filter({ hasText: "for Ann #" });
    await line.getByRole("button", { name: "Retry all" }).click();
    await page.getByRole("dialog", { name: "Retry 2 failed jobs?" }).getByRole("button", { name: "Retry them" }).click();
    await page.getByText("2 jobs retried").waitFor();
    await line.waitFor({ state: "detached" });
    const states = await Promise.all([...ann, bob].map(async ({ id }) => (await ask("GET", `jobs/${id}`)).state));
    assert.deepEqual(states, ["queued", "queued", "failed"]);
    await page.getByRole("link", { name: /for Bob/ }).click();
    await shows(page, bob);
    psql("SELECT ayb_jobs.resume('bad')");
});
