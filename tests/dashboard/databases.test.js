// A sidecar of two databases: which one the page is of, a switch, and what there is in both together.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { accessible, emptyServer, fits, heading, LOOKS, openContext, psql, until } from "./support.js";

const { AYB_TWO_URL: two } = process.env;

before(() => {
    emptyServer();
    psql("SELECT ayb_jobs.enqueue_many('here', array_fill('{}'::jsonb, ARRAY[3]), now() + interval '1 day')");
});

const sums = page => page.getByRole("table", { name: "Databases" });
const line = async (page, name) => (await sums(page).getByRole("row").filter({ hasText: name }).innerText()).split(/\s+/);
const tile = page => page.getByRole("region", { name: "Now" }).locator(".tile", { hasText: "queued" }).locator(".tile-value");

for (const look of LOOKS)
    test(`name, host and version, a switch, and the sum (${look.name})`, async () => {
        const context = await openContext(look);
        try {
            const page = await context.newPage();
            await page.goto(`${two}#/`);
            await heading(page, "Overview");
            const where = page.locator(".where");
            await where.getByText(/^app( at .*)?, PostgreSQL \d+/).waitFor();
            await until(async () => (await line(page, "default"))[1] === "3", "those of the first");
            await until(async () => (await line(page, "other"))[1] === "4", "those of the other");
            await until(async () => (await line(page, "All together"))[2] === "7", "all together");
            assert.equal((await line(page, "gone")).at(-1), "–"); // is away, and is said to be
            await sums(page).getByText("away", { exact: true }).waitFor();
            await accessible(page);
            await fits(page);
            await sums(page).getByRole("button", { name: "other" }).click();
            await where.getByText(/^other( at .*)?, PostgreSQL \d+/).waitFor();
            await until(async () => (await tile(page).innerText()) === "4", "the other's jobs");
            await where.getByRole("combobox", { name: "Database" }).selectOption("default");
            await where.getByText(/^app( at .*)?, PostgreSQL \d+/).waitFor();
            await until(async () => (await tile(page).innerText()) === "3", "the first one's again");
        } finally {
            await context.close();
        }
    });
