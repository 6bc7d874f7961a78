// What is done with some of the jobs, or with all that match; and what the list is like with a hundred thousand.
import assert from "node:assert/strict";
import { before, beforeEach } from "node:test";
import { enqueue, failed, jobs, park, row, short, tab } from "./jobs-support.js";
import { accessible, ask, emptyServer, go, pageTest, psql, until } from "./support.js";

const HUNDRED_THOUSAND = 100_000;

before(emptyServer);
beforeEach(emptyServer);

const chosen = page => page.getByRole("region", { name: "Chosen jobs" });
const choose = (page, job) => page.getByRole("checkbox", { name: `Choose ${short(job.id)}` }).check();
const stateOf = async ({ id }) => (await ask("GET", `jobs/${id}`)).state;
const many = (page, number) => page.evaluate(() => document.querySelectorAll("tbody tr").length).then(rows => rows <= number);

async function retryThem(page, number) {
    await page.getByRole("dialog", { name: `Retry ${number} failed jobs?` }).getByRole("button", { name: "Retry them" }).click();
    await page.getByText(`${number} jobs retried`).waitFor();
}

pageTest("some are retried, some are canceled", "/jobs", async page => {
    const bad = await Promise.all([failed({ who: "a" }), failed({ who: "b" }), failed({ who: "c" })]);
    const parked = await Promise.all([enqueue("parked"), enqueue("parked")]);
    psql("SELECT ayb_jobs.pause('bad')");
    await row(page, parked[1]).waitFor();
    for (const job of [bad[0], bad[1], parked[0]]) await choose(page, job);
    await chosen(page).getByText("3 chosen").waitFor();
    await chosen(page).getByRole("button", { name: "Retry 2 failed" }).click();
    await retryThem(page, 2);
    assert.deepEqual(await Promise.all(bad.map(stateOf)), ["queued", "queued", "failed"]);
    await row(page, bad[0]).getByText("waiting").waitFor();

    for (const job of parked) await choose(page, job);
    await chosen(page).getByRole("button", { name: "Cancel 2 queued" }).click();
    const question = page.getByRole("dialog", { name: "Cancel 2 queued jobs?" });
    await accessible(page);
    await question.getByRole("button", { name: "Keep them" }).click();
    assert.equal(await stateOf(parked[0]), "queued");
    await chosen(page).getByRole("button", { name: "Cancel 2 queued" }).click();
    await question.getByRole("button", { name: "Cancel them" }).click();
    await page.getByText("2 jobs canceled").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "choose-all");
    assert.deepEqual(await Promise.all([...parked, bad[2]].map(stateOf)), ["canceled", "canceled", "failed"]);
    psql("SELECT ayb_jobs.resume('bad')");
});

pageTest("a hundred thousand jobs", "/jobs", async page => {
    park(HUNDRED_THOUSAND - 1500);
    park(1500, "crowd");
    psql("ANALYZE ayb_jobs.job_queue");
    let asked = 0;
    const count = request => (asked += Number(new URL(request.url()).searchParams.get("limit") ?? 0));
    page.on("request", count);
    await page.reload();
    await jobs(page).getByText("crowd").first().waitFor();
    page.off("request", count);
    assert.ok(asked > 0 && asked <= 2000, `${asked} jobs were asked for before any is shown`);
    await tab(page, "Queued 100,000").waitFor();
    assert.ok(await many(page, 80), "only what is seen is there");

    // Down for as long as one likes: pages come, and rows that are out of sight go.
    const seen = new Set();
    await until(async () => {
        for (const text of await jobs(page).getByRole("link").evaluateAll(links => links.map(link => link.hash))) seen.add(text);
        await page.mouse.wheel(0, 1500);
        assert.ok(await many(page, 80), "only what is seen is there");
        return seen.size >= 1000;
    }, "a thousand jobs to be seen");

    await go(page, "/jobs?type=crowd");
    await tab(page, "Queued 1,000+").waitFor();
    await page.getByLabel("Choose all that are shown").check();
    await chosen(page).getByRole("button", { name: "Choose all that match" }).click();
    await chosen(page).getByText("All that match are chosen").waitFor();
    await chosen(page).getByRole("button", { name: "Cancel 1,000+ queued" }).click();
    await page.getByRole("button", { name: "Cancel them" }).click();
    await page.getByText("1,500 jobs canceled").waitFor();
    assert.equal(psql("SELECT state, count(*) FROM ayb_jobs.job_queue GROUP BY 1 ORDER BY 1"), "canceled|1500\nqueued|98500");
    await tab(page, "Canceled 1,000+").waitFor();

    // Text is looked for in steps, and found at the far end.
    await go(page, "/jobs?q=%22n%22:%207}&state=queued");
    await jobs(page).getByText('{"n": 7}').waitFor({ timeout: 60_000 });
    assert.equal(await jobs(page).getByRole("checkbox").count(), 1);

    // By a path it is the same: it goes on by itself, and says how far it is.
    await page.evaluate(() => {
        globalThis.said = new Set();
        new MutationObserver(() => {
            for (const foot of document.querySelectorAll(".list-foot")) globalThis.said.add(foot.textContent);
        }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await go(page, "/jobs?q=payload.n:%208&state=queued");
    await jobs(page).getByText('{"n": 8}').waitFor();
    await page.getByText("That's all.").waitFor();
    assert.equal(await jobs(page).getByRole("checkbox").count(), 1);
    const said = await page.evaluate(() => [...globalThis.said]);
    assert.ok(said.some(text => /jobs? found among the newest [2-9]0,000/.test(text)), said.join("; "));
});

pageTest("all that match a text are retried", "/jobs?state=failed&q=ann", async page => {
    const other = await failed({ who: "Bob" });
    const mine = await Promise.all([failed({ who: "Ann" }), failed({ who: "Ann" })]);
    psql("SELECT ayb_jobs.pause('bad')");
    // A search is not done again all the time.
    await page.getByRole("button", { name: "Search again" }).click();
    for (const job of mine) await row(page, job).waitFor();
    await page.getByLabel("Choose all that are shown").check();
    await chosen(page).getByRole("button", { name: "Retry 2 failed" }).click();
    await retryThem(page, 2);
    assert.deepEqual(await Promise.all([...mine, other].map(stateOf)), ["queued", "queued", "failed"]);
    psql("SELECT ayb_jobs.resume('bad')");
});

pageTest("the session ends in the middle of something", "/jobs", async page => {
    const job = await enqueue("parked");
    await choose(page, job);
    // As the sidecar answers to a token that it doesn't know any more.
    await page.route("**/api/admin/jobs/cancel", route =>
        route.fulfill({ status: 401, contentType: "application/json", body: '{"code":401,"message":"admin authentication required"}' }));
    await chosen(page).getByRole("button", { name: "Cancel 1 queued" }).click();
    await page.getByRole("button", { name: "Cancel it" }).click();
    const dialog = page.getByRole("dialog", { name: "Your session has ended" });
    await dialog.waitFor();
    await page.unroute("**/api/admin/jobs/cancel");
    await dialog.getByLabel("Password").fill(process.env.AYB_PASSWORD);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Cancel it" }).click();
    await page.getByText("1 job canceled").waitFor();
    assert.equal(await stateOf(job), "canceled");
});
