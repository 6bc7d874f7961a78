// The overview: numbers, charts, what health() warns of; all of it live.
import assert from "node:assert/strict";
import { before } from "node:test";
import { ask, copied, emptyServer, go, heading, lookTest, pageTest, psql, startServer, stopServer, until } from "./support.js";

before(() => {
    emptyServer();
    psql(`CREATE OR REPLACE FUNCTION public.noop(payload jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
          SELECT ayb_jobs.register_handler('noop', 'public.noop(jsonb)');
          INSERT INTO ayb_jobs.job_minutes
          SELECT date_trunc('minute', now()) - n * interval '1 minute', 'sidecar'::regrole, t, 600, 60, 0, 0, 0,
                 array_fill(10::bigint, ARRAY[64]), array_fill(10::bigint, ARRAY[64])
          FROM generate_series(1, 30) AS n, unnest('{noop,<b>bold</b>}'::text[]) AS t`);
});

const tile = (page, label) => page.getByRole("region", { name: "Now" }).locator(".tile", { hasText: label }).locator(".tile-value");
const key = (page, chart, label) => page.getByRole("figure", { name: chart }).locator(".chart-key", { hasText: label }).locator("b");

lookTest("everything is there", "/", async page => {
    await heading(page, "Overview");
    for (const name of ["Jobs per second", "Waiting", "Running", "Queued by type", "By type", "Depth", "Oldest due"])
        await page.getByRole("region", { name, exact: true }).waitFor();
    await page.getByText("by outcome, in Europe/Berlin").waitFor(); // where the times are
    await page.getByRole("table", { name: "By type" }).getByText("<b>bold</b>").waitFor(); // a name is no HTML
    assert.equal(await page.locator("b", { hasText: /^bold$/ }).count(), 0);
    await until(() => page.locator(".chart canvas").count().then(count => count === 5), "the charts");
    await until(async () => (await page.getByRole("table", { name: "By type" }).innerText()).includes("18,000"), "the sum of half an hour");
});

pageTest("the numbers are the engine's, and move with it", "/", async page => {
    await heading(page, "Overview");
    await until(async () => (await tile(page, "queued").innerText()) === "0", "nothing to be queued");
    psql("SELECT ayb_jobs.enqueue_many('later', array_fill('{}'::jsonb, ARRAY[7]), now() + interval '1 h')");
    await until(async () => (await tile(page, "queued").innerText()) === "7", "seven to be queued");
    const queued = page.getByRole("region", { name: "Queued by type" });
    await until(async () => /later\s*7/.test(await queued.innerText()), "them in the picture");
    await tile(page, "queued").click();
    assert.match(page.url(), /#\/jobs\?state=queued$/);
    psql("DELETE FROM ayb_jobs.job_queue");
});

pageTest("jobs a second, as they are done", "/?window=5m", async page => {
    await heading(page, "Overview");
    const now = async () => Number(await tile(page, "Now").innerText());
    for (let round = 0; round < 5; round++) {
        psql("SELECT ayb_jobs.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[100]), run_at => now())", "sidecar");
        await page.waitForTimeout(500);
    }
    await until(async () => (await now()) > 0, "the rate to rise");
    await until(async () => (await now()) === 0, "and to fall again");
});

pageTest("window and type are in the address", "/?window=15m", async page => {
    await heading(page, "Overview");
    await page.getByRole("radio", { name: "24 h" }).check({ force: true });
    assert.match(page.url(), /window=24h/);
    await page.getByRole("region", { name: "By type" }).getByText("in the last 24 h").waitFor();
    await page.getByRole("combobox", { name: "Type" }).selectOption("noop");
    assert.match(page.url(), /type=noop/);
    await until(async () => (await page.getByRole("table", { name: "By type" }).getByRole("row").count()) === 2, "one type");
    await page.reload();
    await until(async () => (await page.getByRole("combobox", { name: "Type" }).inputValue()) === "noop", "the same after a reload");
    assert.ok(await page.getByRole("radio", { name: "24 h" }).isChecked());
});

pageTest("a chart tells its numbers at the cursor", "/", async page => {
    const chart = page.getByRole("figure", { name: "Jobs per second, by outcome" });
    const box = await chart.locator(".u-over").boundingBox();
    await page.mouse.move(box.x + box.width * 0.8, box.y + box.height / 2);
    // 2 types with 600 and 60 a minute.
    await until(async () => (await key(page, "Jobs per second, by outcome", "completed").innerText()) === "20", "20 a second");
    assert.equal(await key(page, "Jobs per second, by outcome", "failed").innerText(), "2.0");
    assert.match(await key(page, "Time of waiting", "p50").innerText(), /s$/);
});

/** Every text that is painted, with where it begins and ends across the canvas. */
async function paintedTexts(page) {
    await page.addInitScript(() => {
        globalThis.painted = [];
        const { fillText } = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
            const { width } = this.measureText(text);
            const left = x - { right: width, end: width, center: width / 2 }[this.textAlign] || x;
            globalThis.painted.push({ text, left, right: left + width, within: this.canvas.width });
            fillText.call(this, text, x, y);
        };
    });
    await page.reload();
    await until(() => page.evaluate(() => globalThis.painted.some(({ text }) => /\d (s|min|h|d)$/.test(text))), "the axis of a chart");
    return page.evaluate(() => globalThis.painted);
}

/** Minutes in which jobs of a type waited and ran for each of the times that are told apart. */
const everyTime = () =>
    psql(`INSERT INTO ayb_jobs.job_minutes
          SELECT date_trunc('minute', now()) - n * interval '1 minute', 'sidecar'::regrole, 'every time', 1, 0, 0, 0, 0, h.one, h.one
          FROM generate_series(1, 50) AS n CROSS JOIN LATERAL
               (SELECT array_agg((m = n + 13)::int::bigint ORDER BY m) AS one FROM generate_series(1, 64) AS m) AS h`);

lookTest("an axis over all that can be is in words that are whole", "/?type=every+time", async page => {
    everyTime();
    try {
        const texts = await paintedTexts(page);
        for (const { text, left, right, within } of texts) {
            assert.ok(left >= 0 && right <= within, `“${text}” goes from ${left} to ${right} of ${within}`);
            assert.ok(!/^0 |NaN/.test(text), text);
        }
        assert.ok(texts.some(({ text }) => /min$|h$|d$/.test(text)), texts.map(({ text }) => text).join());
    } finally {
        psql("DELETE FROM ayb_jobs.job_minutes WHERE type = 'every time'");
    }
});

lookTest("one spike flattens no hour, and says how high it is", "/?window=6h&type=spike", async page => {
    psql(`INSERT INTO ayb_jobs.job_minutes
          SELECT date_trunc('minute', now()) - n * interval '10 minutes', 'sidecar'::regrole, 'spike',
                 CASE n WHEN 10 THEN 3600000 ELSE 300 END, 0, 0, 0, 0,
                 array_fill(1::bigint, ARRAY[64]), array_fill(1::bigint, ARRAY[64])
          FROM generate_series(1, 30) AS n`);
    try {
        const texts = await paintedTexts(page);
        assert.ok(texts.some(({ text }) => text === "▲ 12K"), texts.map(({ text }) => text).join());
        assert.ok(!texts.some(({ text }) => /^\d+K$/.test(text)), "an axis that ends at the spike");
    } finally {
        psql("DELETE FROM ayb_jobs.job_minutes WHERE type = 'spike'");
    }
});

pageTest("a type moves every tile", "/?type=later", async page => {
    psql(`SELECT ayb_jobs.enqueue_many('later', array_fill('{}'::jsonb, ARRAY[7]), now() + interval '1 h');
          SELECT ayb_jobs.enqueue_many('other', array_fill('{}'::jsonb, ARRAY[5]), now() - interval '1 h');
          SELECT ayb_jobs.cancel(ayb_jobs.enqueue('other'))`, "sidecar");
    try {
        await until(async () => (await tile(page, "queued").innerText()) === "7", "the type's own");
        assert.equal(await tile(page, "canceled").innerText(), "0");
        assert.equal(await tile(page, "Oldest due job").innerText(), "–");
        assert.equal(await page.getByRole("region", { name: "Queued by type" }).getByText("other").count(), 0);
        await page.getByRole("combobox", { name: "Type" }).selectOption("other");
        await until(async () => (await tile(page, "queued").innerText()) === "5", "the other's");
        await until(async () => (await tile(page, "canceled").innerText()) === "1", "the other's that is canceled");
        await until(async () => /^1 h/.test(await tile(page, "Oldest due job").innerText()), "since when they wait");
        await tile(page, "queued").click();
        assert.match(page.url(), /#\/jobs\?state=queued&type=other$/);
    } finally {
        psql("DELETE FROM ayb_jobs.job_queue");
    }
});

pageTest("a click at a bar leads to the jobs of that time", "/?window=7d&type=spike", async page => {
    psql(`INSERT INTO ayb_jobs.job_minutes SELECT date_trunc('minute', now()) - interval '3 days', 'sidecar'::regrole, 'spike', 300, 0, 0, 0, 0,
          array_fill(1::bigint, ARRAY[64]), array_fill(1::bigint, ARRAY[64])`);
    try {
        const paper = page.getByRole("figure", { name: /^Jobs per second/ }).locator(".u-over");
        const box = await until(async () => await paper.boundingBox(), "the chart");
        await paper.click({ position: { x: box.width / 2, y: box.height / 2 } });
        await heading(page, "Jobs");
        const query = new URLSearchParams(page.url().split("?")[1]);
        assert.equal(query.get("type"), "spike");
        assert.equal(Date.parse(query.get("until")) - Date.parse(query.get("since")), 7_200_000);
    } finally {
        psql("DELETE FROM ayb_jobs.job_minutes WHERE type = 'spike'");
    }
});

/** Half a week of looks at the queue, of which one a day is said. */
const looks = () =>
    psql(`INSERT INTO ayb_jobs.job_depths
          SELECT date_trunc('hour', now()) - n * interval '1 hour', 'sidecar'::regrole, 40 + n, 3, CASE WHEN n > 5 THEN n * 60 END
          FROM generate_series(1, 80) AS n ON CONFLICT DO NOTHING`);

lookTest("how deep the queue was, and since when the oldest due job waited", "/?window=3d", async page => {
    looks();
    try {
        await page.reload();
        const depth = page.getByRole("figure", { name: "Depth of the queue" });
        const oldest = page.getByRole("figure", { name: "Age of the oldest due job" });
        const paper = depth.locator(".u-over");
        const box = await until(async () => await paper.boundingBox(), "the chart");
        // The first hours of the three days are the highest.
        await paper.hover({ position: { x: box.width * 0.1, y: box.height / 2 } });
        await until(async () => {
            const hours = Number(await key(page, "Depth of the queue", "queued").innerText()) - 40;
            return hours > 50 && hours < 72 && (await key(page, "Age of the oldest due job", "oldest due").innerText()).startsWith(`1 h`);
        }, "what was queued then");
        assert.equal(await key(page, "Depth of the queue", "running").innerText(), "3");
        await oldest.scrollIntoViewIfNeeded();
        await page.getByRole("region", { name: "Depth", exact: true }).getByText(/looked at once a minute: the most/).waitFor();
    } finally {
        psql("DELETE FROM ayb_jobs.job_depths");
    }
});

pageTest("a click at how deep the queue was leads to what of it is still queued", "/?window=3d", async page => {
    looks();
    try {
        await page.reload();
        const paper = page.getByRole("figure", { name: "Depth of the queue" }).locator(".u-over");
        const box = await until(async () => await paper.boundingBox(), "the chart");
        await paper.click({ position: { x: box.width / 2, y: box.height / 2 } });
        await heading(page, "Jobs");
        const query = new URLSearchParams(page.url().split("?")[1]);
        assert.equal(query.get("state"), "queued");
        assert.equal(query.get("since"), null);
        const ago = Date.now() - Date.parse(query.get("until"));
        assert.ok(ago > 24 * 3_600_000 && ago < 48 * 3_600_000, query.get("until"));
    } finally {
        psql("DELETE FROM ayb_jobs.job_depths");
    }
});

pageTest("what health() warns of comes first, with its hint", "/", async page => {
    await heading(page, "Overview");
    await page.getByText(/checks fine/).waitFor();
    // Other tests on this server may have left what it warns of, too.
    const warnings = page.getByRole("region", { name: "Warnings" });
    assert.equal(await warnings.getByText("paused", { exact: true }).count(), 0);
    await ask("POST", "pause", {});
    try {
        await warnings.getByText("paused", { exact: true }).waitFor();
        await warnings.getByText(/resume/).first().waitFor();
        await warnings.getByRole("listitem").filter({ hasText: "paused" }).getByRole("button", { name: "Copy the hint" }).click();
        await copied(page, /resume/);
        await warnings.getByRole("link", { name: "Types" }).click();
        await heading(page, "Types");
        await page.goBack();
    } finally {
        await ask("POST", "resume", {});
    }
    await warnings.getByText("paused", { exact: true }).waitFor({ state: "detached" });
});

pageTest("ids in a hint lead to what it is about", "/", async page => {
    const schedule = await ask("POST", "schedules", { name: "breaks", jobType: "breaks", cronExpr: "0 0 1 1 *", maxAttempts: 1 });
    psql(`CREATE OR REPLACE FUNCTION public.breaks() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
          SELECT ayb_jobs.register_handler('breaks', 'public.breaks()', max_attempts => 1)`);
    try {
        const job = await ask("POST", `schedules/${schedule.id}/run`);
        const warnings = page.getByRole("region", { name: "Warnings" });
        const hint = warnings.getByRole("listitem").filter({ hasText: "schedule jobs" }).locator(".warning-hint");
        await hint.getByRole("link", { name: job.id.slice(-8) }).click();
        await heading(page, /breaks/);
        assert.match(page.url(), new RegExp(`#/jobs/${job.id}$`));
        psql(`UPDATE ayb_jobs.schedules SET last_error = 'no <b>zone</b>' WHERE id = '${schedule.id}'`);
        await go(page, "/");
        const broken = warnings.getByRole("listitem").filter({ hasText: "no <b>zone</b>" });
        await broken.locator(".warning-hint").getByRole("link", { name: schedule.id.slice(-8) }).first().click();
        await heading(page, /breaks/);
        assert.match(page.url(), new RegExp(`#/schedules/${schedule.id}$`));
    } finally {
        psql(`DELETE FROM ayb_jobs.job_queue; SELECT ayb_jobs.delete_schedule('${schedule.id}')`);
    }
});

pageTest("the server is stopped and started again", "/", async page => {
    await heading(page, "Overview");
    await until(async () => (await tile(page, "queued").innerText()) === "0", "nothing to be queued");
    stopServer();
    try {
        await page.getByText("The database isn't available.").waitFor();
        assert.equal(await tile(page, "queued").innerText(), "0"); // what was seen stays
    } finally {
        startServer();
    }
    psql("SELECT ayb_jobs.enqueue('later', run_at => now() + interval '1 h')");
    await until(async () => (await tile(page, "queued").innerText()) === "1", "it to be seen");
    psql("DELETE FROM ayb_jobs.job_queue");
});
