// What the tests of the dashboard share: a browser on the real page, in front of the real server that run.py started.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";

const require = createRequire(join(process.env.AYB_MODULES, "x"));
const { chromium } = require("playwright-core");
const axeSource = require("axe-core").source;

const { env } = process;
export const URL_OF_PAGE = env.AYB_URL;
export const PASSWORD = env.AYB_PASSWORD;
const PATIENCE = 60_000;

export const WIDE = { name: "wide, light", width: 1440, height: 900, colorScheme: "light" };
export const NARROW = { name: "narrow, dark", width: 390, height: 844, colorScheme: "dark" };
/** The widths in which each screen is used. Their colours are looked at in both schemes wherever accessible() looks. */
export const LOOKS = [WIDE, NARROW];

export function psql(sql, role = "postgres") {
    const flags = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", env.AYB_PGHOST, "-p", env.AYB_PGPORT, "-U", role, "-d", "app", "-f", "-"];
    return execFileSync(join(env.AYB_BIN, "psql"), flags, { input: sql, encoding: "utf8" }).trimEnd();
}

/** What PostgreSQL says of a statement that fails, in whatever words. */
export function complaint(sql) {
    try {
        psql(sql);
    } catch (error) {
        return /:  (.*)/.exec(error.stderr)[1];
    }
    throw new Error(`it is done: ${sql}`);
}

function pgCtl(...words) {
    const flags = ["-D", env.AYB_PGDATA, "-w", "-s", "-t", "60", "-l", env.AYB_PGLOG, "-o", `-p ${env.AYB_PGPORT}`];
    execFileSync(join(env.AYB_BIN, "pg_ctl"), [...flags, ...words], { stdio: "ignore" });
}
export const stopServer = () => pgCtl("-m", "fast", "stop");
export const startServer = () => pgCtl("start");

/** No jobs, schedules, registrations; nothing paused. */
export function emptyServer() {
    psql(`${env.AYB_EMPTY} DELETE FROM ayb_jobs.matview_refreshes; DELETE FROM ayb_jobs.job_minutes; DELETE FROM ayb_jobs.job_flows;`);
}

/** Polls until question() is true, and gives back what it said. */
export async function until(question, what, patience = PATIENCE) {
    const end = Date.now() + patience;
    for (;;) {
        const answer = await question();
        if (answer) return answer;
        assert.ok(Date.now() < end, `waited in vain: ${what}`);
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}

let token;
/** The API without the page. */
export async function ask(method, path, body) {
    token ??= (await (await fetch(`${URL_OF_PAGE}api/admin/auth`, { method: "POST", body: JSON.stringify({ password: PASSWORD }) })).json()).token;
    const answer = await fetch(`${URL_OF_PAGE}api/admin/${path}`, {
        method,
        headers: { Authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return answer.status === 204 ? undefined : answer.json();
}
async function theToken() {
    await ask("GET", "me");
    return token;
}

/**
 * Chromium without the windows that its own headless mode draws, which take half of its time. Its sandbox needs what a
 * container may not have, and the pages are our own.
 */
export const launchBrowser = (...args) =>
    chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox", ...args] });

let browser;
/** The browser of this file. */
export async function theBrowser() {
    browser ??= await launchBrowser();
    return browser;
}
after(() => browser?.close());

/** A tab of its own; what the page logs as an error, or asks of another host, is a failure of the test. */
export async function openContext(look = WIDE, options = {}) {
    const { width, height, colorScheme } = look;
    const context = await (await theBrowser()).newContext({
        viewport: { width, height },
        colorScheme,
        reducedMotion: "reduce",
        locale: "en-GB",
        timezoneId: "Europe/Berlin",
        ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(URL_OF_PAGE).origin });
    return context;
}

export async function openPage(context, path = "/") {
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", error => page.faults.push(String(error)));
    page.on("console", message => {
        // That requests fail while the server is stopped is what some tests are about.
        if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.faults.push(message.text());
    });
    page.on("request", request => {
        if (!request.url().startsWith(URL_OF_PAGE) && !/^(data|blob):/.test(request.url())) page.faults.push(`asked ${request.url()}`);
    });
    await page.goto(`${URL_OF_PAGE}#${path}`);
    return page;
}

export async function logIn(page, password = PASSWORD) {
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
}

/** As a tab in which somebody has logged in; frame.test.js does that by hand. What becomes of the token then is the page's. */
export async function remember(context) {
    await context.addInitScript(given => {
        if (location.protocol !== "http:" || sessionStorage.getItem("tests.given")) return;
        sessionStorage.setItem("tests.given", "yes");
        sessionStorage.setItem("ayb_jobs.token", given);
    }, await theToken());
}

/** A test with a page at `path`, logged in. */
export function pageTest(name, path, body, look = WIDE) {
    test(name, async () => {
        const context = await openContext(look);
        try {
            await remember(context);
            const page = await openPage(context, path);
            await page.getByRole("main").waitFor();
            await body(page, context);
            assert.deepEqual(page.faults, []);
        } finally {
            await context.close();
        }
    });
}

/** The same in each width; ends with what axe finds, and with a look for what is wider than the window. */
export function lookTest(name, path, body) {
    for (const look of LOOKS) {
        pageTest(`${name} (${look.name})`, path, async page => {
            await body(page, look);
            await accessible(page);
            await fits(page);
        }, look);
    }
}

// The rules that look at colours: in the other scheme nothing else is otherwise.
const OF_COLOURS = { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };

async function violations(page, options) {
    const found = await page.evaluate(options => globalThis.axe.run(document, { resultTypes: ["violations"], ...options }), options);
    const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.html} ${node.failureSummary}`).join("\n")}`);
}

/** Axe finds nothing serious, in light and in dark colours. */
export async function accessible(page) {
    if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
    const dark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
    const [mine, other] = dark ? ["dark", "light"] : ["light", "dark"];
    assert.deepEqual(await violations(page, {}), [], mine);
    await page.emulateMedia({ colorScheme: other });
    assert.deepEqual(await violations(page, OF_COLOURS), [], other);
    await page.emulateMedia({ colorScheme: mine });
}

/** Nothing makes the page scroll sideways. */
export async function fits(page) {
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(content <= window, `the page is ${content} px wide, in a window of ${window}`);
}

/** Every screen of the navigation, by its path and its heading. */
export const SCREENS = [
    ["/", "Overview"], ["/jobs", "Jobs"], ["/flows", "Flows"], ["/types", "Types"], ["/errors", "Errors"], ["/schedules", "Schedules"],
    ["/views", "Materialized views"], ["/workers", "Workers and lanes"], ["/realtime", "Realtime"],
];

/**
 * Goes to an address of the page, and comes back once what stood there before is gone. The browser has gone there sooner than
 * the page knows: what is looked for meanwhile might be found in the list of before, and a click there comes to nothing.
 */
export async function go(page, address) {
    await page.goto(`${URL_OF_PAGE}#${address}`);
    await page.evaluate(async () => {
        for (let turn = 0; turn < 3; turn++) await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    });
}

/** What was copied, once it is what was meant: a click comes back before the clipboard has it. */
export const copied = (page, pattern) =>
    until(async () => {
        const text = await page.evaluate(() => navigator.clipboard.readText());
        return pattern.test(text) && text;
    }, `${pattern} to be copied`);

/** A heading of the screen, once it is there. */
export const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();
