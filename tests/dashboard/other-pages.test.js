// A sidecar that lets everybody in: what any page in the user's browser could ask in his place, it is refused.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { emptyServer, launchBrowser, psql } from "./support.js";

const open = new URL(process.env.AYB_OPEN_URL);
const evil = `evil.example:${open.port}`;

let browser;
let attacker;
before(async () => {
    emptyServer();
    // The name server of evil.example says that it is this machine.
    browser = await launchBrowser("--host-resolver-rules=MAP evil.example 127.0.0.1");
    attacker = createServer((_, response) => response.end("<!doctype html><title>attack</title>")).listen(0, "127.0.0.1");
    await new Promise(resolve => attacker.once("listening", resolve));
});
after(async () => {
    await browser?.close();
    attacker?.close();
});

const jobs = () => psql("SELECT count(*) FROM ayb_jobs.jobs");

/** All that a page can try on the API at `target`; gives back what it learnt, "" where that is nothing. */
async function attack(target) {
    const job = JSON.stringify({ type: "stolen" });
    const tries = [
        () => fetch(`${target}api/admin/jobs`),
        () => fetch(`${target}api/admin/jobs`, { method: "POST", body: job, headers: { "Content-Type": "application/json" } }),
        () => fetch(`${target}api/admin/jobs`, { method: "POST", body: job, mode: "no-cors" }),
        () => fetch(`${target}api/admin/jobs`, { method: "POST", body: new Blob([job]), mode: "no-cors" }),
        () => fetch(`${target}metrics`),
    ];
    let learnt = "";
    for (const one of tries) {
        try {
            const answer = await one();
            if (answer.ok) learnt += await answer.text();
        } catch {
            // The browser gives it no answer.
        }
    }
    const form = document.createElement("form");
    form.method = "post";
    form.enctype = "text/plain";
    form.action = `${target}api/admin/jobs`;
    form.target = "_blank";
    const field = document.createElement("input");
    field.name = '{"type":"stolen","payload":"';
    field.value = '"}';
    form.append(field);
    document.body.append(form);
    form.submit();
    await new Promise(resolve => {
        const events = new EventSource(`${target}api/admin/events`);
        events.onopen = () => {
            learnt += "events";
            events.close();
            resolve();
        };
        events.onerror = resolve;
    });
    return learnt;
}

test("its own page may all", async () => {
    const page = await browser.newPage();
    await page.goto(open.href);
    assert.match(await page.evaluate(attack, open.href), /"items":\[.*events/s);
    assert.equal(jobs(), "1"); // by the one request that says that it is JSON
    await page.close();
});

test("a page of another origin learns nothing and changes nothing", async () => {
    emptyServer();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${attacker.address().port}/`);
    assert.equal(await page.evaluate(attack, open.href), "");
    assert.equal(jobs(), "0");
    await page.close();
});

test("nor does one whose name became ours", async () => {
    emptyServer();
    const page = await browser.newPage();
    assert.equal((await page.goto(`http://${evil}/api/admin/jobs`)).status(), 403);
    // The page came from the attacker's own server, before the name was ours.
    await page.route(`http://${evil}/`, route => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>attack</title>" }));
    await page.goto(`http://${evil}/`);
    assert.equal(await page.evaluate(attack, `http://${evil}/`), "");
    assert.equal(jobs(), "0");
    await page.close();
});
