// page.js URL: prints for each screen, with tabs between, its name, the limit, and for each round the milliseconds from
// the click that leads to it to the paint of what the server had to say.
const { createRequire } = require("node:module");
const { join } = require("node:path");

const { chromium } = createRequire(join(process.env.AYB_MODULES, "x"))("playwright-core");
const [, , url] = process.argv;
const ROUNDS = 7;

const nav = name => `nav.nav a[href="#/${name}"]`;
const rowsOf = label => `table[aria-label="${label}"] tbody tr:not(.space)`;
const jobs = rowsOf("Jobs");
const state = name => `nav.state-tabs a.${name}`;
// All that is shown is of it: those of before are gone.
const only = name => `table[aria-label="Jobs"] tbody:not(:has(.badge:not(.${name}))) .badge.${name}`;

/** `from`: where the click is made; `click`: on what; `ready`: selectors, or "text …", of what is there once the answer is. */
const SCREENS = [
    { name: "overview", click: nav(""), ready: [rowsOf("By type"), ".tile.state", "figure[aria-label='Depth of the queue']"] },
    { name: "overview, a week", from: "/", click: "fieldset.choice label:last-of-type", ready: [`section.types:has(${rowsOf("By type")})`, "text in the last 7 d"] },
    { name: "jobs", click: nav("jobs"), ready: [jobs] },
    { name: "jobs, queued", from: "/jobs", click: state("queued"), ready: [only("queued"), "nav.phase-tabs"] },
    { name: "jobs, failed", from: "/jobs", click: state("failed"), ready: [only("failed")] },
    { name: "jobs, canceled", from: "/jobs", click: state("canceled"), ready: [only("canceled")] },
    { name: "one job", from: "/jobs", click: `${jobs} a`, ready: ["ol.story .moment"] },
    { name: "flows", click: nav("flows"), ready: [rowsOf("Flows")] },
    { name: "one flow, drawn", from: "/flows", click: `${rowsOf("Flows")} a`, ready: [".flow-box", rowsOf("Steps")] },
    { name: "types", click: nav("types"), ready: [rowsOf("Types")] },
    { name: "one type", from: "/types", click: `${rowsOf("Types")} a[href='#/types/keyed']`, ready: [rowsOf("Keys")] },
    { name: "errors", click: nav("errors"), ready: [rowsOf("Errors")] },
    { name: "schedules", click: nav("schedules"), ready: [rowsOf("Schedules")] },
    { name: "views", click: nav("views"), ready: [".picture svg", ".view-card"] },
    { name: "workers", click: nav("workers"), ready: [rowsOf("Lanes")] },
    { name: "realtime", click: nav("realtime"), ready: [".empty, table"] },
];

/** In the page: clicks, and waits until all that is wanted is there and painted. */
async function clickToPaint({ click, ready }) {
    const isThere = one => (one.startsWith("text ") ? document.body.textContent.includes(one.slice(5)) : document.querySelector(one));
    const target = document.querySelector(click);
    if (!target) throw new Error(`nothing to click at: ${click}`);
    const began = performance.now();
    target.click();
    await new Promise((done, failed) => {
        const end = window.setTimeout(() => failed(new Error(`not there: ${ready.filter(one => !isThere(one))}`)), 60_000);
        const look = () => {
            if (!ready.every(isThere)) return;
            watch.disconnect();
            window.clearTimeout(end);
            done();
        };
        const watch = new MutationObserver(look);
        watch.observe(document, { subtree: true, childList: true, attributes: true });
        look();
    });
    // The frame that shows it, and what comes right after that.
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - began;
}

async function once(context, { from, ...screen }) {
    const page = await context.newPage();
    try {
        await page.goto(`${url}#${from ?? "/nowhere"}`);
        await page.locator(screen.click).first().waitFor();
        await page.getByText("live", { exact: true }).waitFor();
        await page.waitForTimeout(300); // the first look of all is over
        return await page.evaluate(clickToPaint, screen);
    } finally {
        await page.close();
    }
}

async function firstPaint(context) {
    const page = await context.newPage();
    try {
        const session = await context.newCDPSession(page);
        await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
        await page.goto(`${url}#/`);
        const handle = await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
        return await handle.jsonValue();
    } finally {
        await page.close();
    }
}

const line = (name, limit, times) => console.log([name, limit, ...times.map(time => time.toFixed(1))].join("\t"));

async function main() {
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium-headless-shell", args: ["--no-sandbox"] });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    try {
        for (const screen of SCREENS) {
            const times = [];
            for (let round = 0; round < ROUNDS; round++) times.push(await once(context, screen));
            line(`from click to paint: ${screen.name}`, 200, times);
        }
        const paints = [];
        for (let round = 0; round < ROUNDS; round++) paints.push(await firstPaint(context));
        line("first paint, processor slowed 4 times", 300, paints);
    } finally {
        await browser.close();
    }
}

main().catch(error => {
    console.error(error);
    process.exit(1);
});
