// What a type is limited to, on the page of types: how much of that is used, which keys wait, and setting it.
import assert from "node:assert/strict";
import { before, beforeEach } from "node:test";
import { park } from "./jobs-support.js";
import { accessible, ask, emptyServer, fits, go, heading, lookTest, pageTest, psql, until } from "./support.js";

before(emptyServer);
beforeEach(() => {
    emptyServer();
    psql("DELETE FROM ayb_jobs.type_limits");
});

const panel = (page, name) => page.getByRole("region", { name, exact: true });
const fact = (page, name, text) => panel(page, "Limit").getByText(new RegExp(`^${name}`)).locator("..").getByText(text).waitFor();
const form = page => page.getByRole("dialog", { name: "The limit of parked" });
const inForce = () => until(async () => (await ask("GET", "types/parked")).limit?.inForce, "the limit to be in force");

async function limit(rule) {
    await ask("PUT", "types/parked/limit", rule);
    await inForce();
}

lookTest("what runs of a limit, and which keys wait until when", "/types", async page => {
    psql(`SET ROLE sidecar;
          SELECT ayb_jobs.enqueue('parked', to_jsonb(n), partition_key => 'tenant <b>' || n % 2) FROM generate_series(1, 5) AS n;`);
    await limit({ running: 3, startsPerKey: 1, perSec: 3600 });
    psql("SELECT FROM ayb_jobs.claim('worker', '{parked}', 1)");
    await go(page, "/types");
    const line = page.getByRole("table", { name: "Types" }).getByRole("row").filter({ has: page.getByRole("link", { name: "parked", exact: true }) });
    await line.getByText("3 at once, 1 of a key in 1 h").waitFor();
    await line.getByRole("link", { name: "parked", exact: true }).click();
    await heading(page, /parked/);
    await fact(page, "Running", "1 of 3");
    await fact(page, "The next may start", "now");
    const keys = page.getByRole("table", { name: "Keys" });
    const key = async name => {
        const row = keys.getByRole("row").filter({ hasText: name });
        await row.waitFor();
        return (await row.innerText()).replaceAll(/\s+/g, " ");
    };
    // One of the two has started its one of the hour.
    const held = psql("SELECT partition_key FROM ayb_jobs.job_queue WHERE state = 'running'");
    const other = held.endsWith("1") ? held.replace(/1$/, "0") : held.replace(/0$/, "1");
    await until(async () => /in (1 h|59 min|\d+ min).*waits/.test(await key(held)), "when its key may go on");
    assert.match(await key(other), /now/);
    await accessible(page);
    await fits(page);
    await keys.getByRole("link", { name: other }).click();
    await heading(page, "Jobs");
    assert.deepEqual(new URLSearchParams(page.url().split("?")[1]).get("q"), other);
});

pageTest("a limit is set, changed, refused, and taken away", "/types/parked", async page => {
    park(2);
    await page.getByRole("button", { name: "Set a limit" }).click();
    await form(page).getByRole("button", { name: "Set the limit" }).click();
    await form(page).getByText("No limit is given").waitFor();
    await form(page).getByLabel("At once optional", { exact: true }).fill("0");
    await form(page).getByLabel("Starts optional", { exact: true }).fill("10");
    await form(page).getByRole("button", { name: "Set the limit" }).click();
    await form(page).getByText("A number from 1 on").waitFor();
    await form(page).getByText("The time in which so many start").waitFor();
    await accessible(page);
    await form(page).getByLabel("At once optional", { exact: true }).fill("1");
    await form(page).getByLabel("In so many seconds").fill("60");
    await form(page).getByRole("button", { name: "Set the limit" }).click();
    await form(page).waitFor({ state: "detached" });
    await panel(page, "Limit").getByText("1 at once, 10 in 1 min").waitFor();
    assert.equal(psql("SELECT running, starts, per FROM ayb_jobs.type_limits WHERE type = 'parked'"), "1|10|00:01:00");
    await inForce();
    psql("SELECT FROM ayb_jobs.claim('worker', '{parked}', 5)");
    await fact(page, "Running", "1 of 1");
    await fact(page, "Due, and waiting", "1");
    await fact(page, "The next may start", "when one has ended");
    await panel(page, "Limit").getByRole("button", { name: "Change" }).click();
    assert.equal(await form(page).getByLabel("In so many seconds").inputValue(), "60");
    await form(page).getByLabel("Starts optional", { exact: true }).fill("");
    await form(page).getByLabel("In so many seconds").fill("");
    await form(page).getByLabel("At once optional", { exact: true }).fill("2");
    await form(page).getByRole("button", { name: "Set the limit" }).click();
    await panel(page, "Limit").getByText("2 at once", { exact: true }).waitFor();
    await panel(page, "Limit").getByRole("button", { name: "Clear" }).click();
    await page.getByRole("dialog", { name: "Take the limit of parked away?" }).getByRole("button", { name: "Take it away" }).click();
    await panel(page, "Limit").getByText("none: as many run as there are workers").waitFor();
    assert.equal(psql("SELECT count(*) FROM ayb_jobs.type_limits"), "0");
});

pageTest("types by their rate", "/types", async page => {
    psql(`INSERT INTO ayb_jobs.job_minutes
          SELECT date_trunc('minute', now()) - interval '5 minutes', 'sidecar'::regrole, t, n, 0, 0, 0, 0, array_fill(10::bigint, ARRAY[64]), array_fill(10::bigint, ARRAY[64])
          FROM (VALUES ('good', 120), ('bad', 7200)) AS v (t, n)`);
    const table = page.getByRole("table", { name: "Types" });
    await table.getByRole("row", { name: /^good/ }).getByText("2.0", { exact: true }).waitFor();
    await table.getByRole("row", { name: /^bad/ }).getByText("120", { exact: true }).waitFor();
    const names = () => table.getByRole("row").getByRole("link").and(page.locator(".strong")).allTextContents();
    await table.getByRole("button", { name: "A minute, 1 h" }).click();
    await table.getByRole("button", { name: "A minute, 1 h" }).click();
    await until(async () => (await names()).slice(0, 2).join() === "bad,good", "the busiest first");
});
