// Pictures of every screen with the data of shop.sql, for the manual: AYB_OUT/images.
import { readFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { listen } from "./realtime-support.js";
import { heading, openContext, openPage, psql, remember, theBrowser, until, WIDE } from "./support.js";

const here = dirname(fileURLToPath(import.meta.url));
const images = join(process.env.AYB_OUT, "images");

const HEIGHT = 900; // of a wide picture, where a screen says nothing else
const LOOKS = [
    WIDE,
    { ...WIDE, name: "wide, dark", colorScheme: "dark" },
    { name: "narrow, light", width: 390, height: 844, colorScheme: "light" },
];

/** `path` may be a function, for what has an id; `ready` waits until what is to be seen is there. */
const SCREENS = [
    { name: "overview", height: 1640, path: "/", title: "Overview", ready: page => page.getByRole("table", { name: "By type" }).waitFor() },
    { name: "views", height: 1170, path: "/views", title: "Materialized views", ready: page => page.getByLabel("Which view reads which").waitFor() },
    { name: "jobs", path: "/jobs", title: "Jobs", ready: page => page.getByRole("table", { name: "Jobs" }).getByRole("link").first().waitFor() },
    {
        name: "job",
        path: () => `/jobs/${psql("SELECT id FROM ayb_jobs.jobs WHERE state = 'failed' AND flow IS NULL ORDER BY attempts DESC, id LIMIT 1")}`,
        ready: page => page.getByText("Attempt 1 failed").waitFor(),
    },
    { name: "flow", path: () => `/flows/${psql("SELECT id FROM ayb_jobs.flows WHERE name = 'morning round'")}`,
        ready: page => page.getByRole("region", { name: "The flow as a picture" }).getByText("tell customers").waitFor() },
    { name: "flows", path: "/flows", title: "Flows", ready: page => page.getByRole("table", { name: "Flows" }).getByText("morning round").waitFor() },
    { name: "type", path: "/types/labels.print", ready: page => page.getByRole("table", { name: "Keys" }).waitFor() },
    { name: "types", path: "/types", title: "Types", ready: page => page.getByRole("table", { name: "Types" }).waitFor() },
    { name: "errors", path: "/errors", title: "Errors", ready: page => page.getByRole("table", { name: "Errors" }).waitFor() },
    { name: "schedules", path: "/schedules", title: "Schedules", ready: page => page.getByText("stock sync").first().waitFor() },
    {
        name: "schedule",
        path: () => `/schedules/${psql("SELECT id FROM ayb_jobs.schedules WHERE name = 'stock sync'")}`,
        ready: page => page.getByRole("table", { name: "Last jobs" }).waitFor(),
    },
    { name: "workers", path: "/workers", title: "Workers and lanes", ready: page => page.getByText("reports.monthly").first().waitFor() },
    { name: "realtime", path: "/realtime", title: "Realtime", ready: page => page.getByRole("table", { name: "Streams" }).getByText("zoe").waitFor() },
];

mkdirSync(images, { recursive: true });
psql(readFileSync(join(here, "shop.sql"), "utf8"));
// It works on while the pictures are taken.
const work = setInterval(() => psql("SELECT shop.second_of_work()"), 1000);
await until(() => psql("SELECT count(*) FILTER (WHERE state = 'failed') = 15 AND count(*) FILTER (WHERE state = 'running') = 2 FROM ayb_jobs.jobs") === "t", "the shop to work");
await until(() => psql("SELECT in_force FROM ayb_jobs.limits") === "t", "the limit to be in force");
psql("SELECT FROM ayb_jobs.claim('printers', '{labels.print}', 2)");
psql(`CREATE TABLE shop.stock (item integer PRIMARY KEY, pieces integer NOT NULL);
      GRANT USAGE ON SCHEMA shop TO ayb_authenticated; GRANT SELECT ON shop.orders, shop.stock TO ayb_authenticated;
      SELECT ayb_jobs.enable_realtime(t) FROM unnest('{shop.orders,shop.stock}'::regclass[]) AS t`);
const streams = await Promise.all([["shop.orders,shop.stock", "ann"], ["shop.orders", "bob"], ["shop.stock", "zoe"]].map(([tables, who]) => listen(tables, who)));
const wanted = (process.env.SCREENS ?? "").split(" ").filter(Boolean);
for (const look of LOOKS) {
    const context = await openContext(look, { deviceScaleFactor: look.width > 800 ? 1 : 2 });
    await remember(context); // nothing is clicked: what the mouse is over looks otherwise
    const page = await openPage(context);
    await heading(page, "Overview");
    for (const { name, path, title, ready, height = HEIGHT } of SCREENS) {
        if (wanted.length > 0 && !wanted.includes(name)) continue;
        if (look.width > 800) await page.setViewportSize({ width: look.width, height });
        await page.goto(`${process.env.AYB_URL}#${typeof path === "string" ? path : path()}`);
        if (title) await heading(page, title);
        await ready(page);
        await page.waitForTimeout(1200); // charts are painted, bars have grown
        const file = `${name}-${look.name.replace(", ", "-")}.png`;
        await page.screenshot({ path: join(images, file) });
        console.log(file);
    }
    await context.close();
}
clearInterval(work);
for (const stream of streams) stream.abort();
await (await theBrowser()).close();
