// Materialized views: registering, refreshing, what they need, and what reads what.
import assert from "node:assert/strict";
import { before, beforeEach } from "node:test";
import { ask, complaint, copied, emptyServer, heading, lookTest, pageTest, psql, startServer, stopServer, until } from "./support.js";

before(() => {
    emptyServer();
    psql(`DROP SCHEMA IF EXISTS mv CASCADE; CREATE SCHEMA mv AUTHORIZATION sidecar;
          SET ROLE sidecar;
          CREATE TABLE mv.base (a int, b text); INSERT INTO mv.base SELECT n, 'x' FROM generate_series(1, 500) AS n;
          CREATE MATERIALIZED VIEW mv.lower AS SELECT a, count(*) AS n FROM mv.base GROUP BY a;
          CREATE MATERIALIZED VIEW mv.upper AS SELECT sum(n) AS n FROM mv.lower;
          CREATE MATERIALIZED VIEW mv.broken AS SELECT 1 / (a - a) AS b FROM mv.base WITH NO DATA;
          CREATE TABLE mv.gate (a int);
          CREATE MATERIALIZED VIEW mv.slow AS SELECT a FROM mv.gate WITH NO DATA;
          CREATE MATERIALIZED VIEW mv.untouched AS SELECT 1 AS a`);
});

const register = name => ask("POST", "matviews", { schemaName: "mv", viewName: name });
const forget = () => psql("DELETE FROM ayb_jobs.matview_refreshes");
beforeEach(forget);
const card = (page, name) => page.getByRole("listitem", { name: `mv.${name}`, exact: true });

lookTest("nothing is registered", "/views", async page => {
    await page.getByText("No view is registered").waitFor();
});

lookTest("views with all that is known of them", "/views", async page => {
    for (const name of ["lower", "upper", "broken"]) await register(name);
    const ids = psql("SELECT id FROM ayb_jobs.matview_refreshes").split("\n");
    for (const id of ids) await ask("POST", `matviews/${id}/refresh`);
    await card(page, "lower").getByText("refreshed", { exact: true }).waitFor();
    await card(page, "lower").getByText("500", { exact: true }).waitFor();
    await card(page, "lower").getByText("CREATE UNIQUE INDEX ON mv.lower (a);").waitFor();
    await card(page, "broken").getByText(`ERROR: ${complaint("SELECT 1 / 0")} (SQLSTATE 22012)`).waitFor();
    await page.getByRole("img", { name: /mv\.upper reads mv\.lower/ }).waitFor();
});

pageTest("a view is scheduled from its card", "/views", async page => {
    await register("lower");
    await card(page, "lower").getByRole("button", { name: "Schedule" }).click();
    const form = page.getByRole("dialog", { name: "New schedule" });
    await form.getByText("at 03:00 every day").waitFor();
    await form.getByRole("button", { name: "Create" }).click();
    await heading(page, /refresh mv\.lower/);
    assert.equal(psql(`SELECT name, job_type, payload, cron_expr FROM ayb_jobs.schedules`),
        'refresh mv.lower|materialized_view_refresh|{"view_name": "lower", "schema_name": "mv"}|0 3 * * *');
    psql("DELETE FROM ayb_jobs.schedules");
});

lookTest("the form that registers", "/views", async page => {
    await page.getByRole("button", { name: "Register", exact: true }).click();
    await page.getByRole("dialog").getByText("mv.broken").waitFor();
    await page.getByRole("dialog").getByText("not populated").first().waitFor();
});

lookTest("names and errors that mean harm", "/views", async page => {
    const evil = "<img src=x onerror=alert(1)>";
    psql(`SET ROLE sidecar;
          CREATE FUNCTION mv.raise() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '${evil} \u202Edrow'; END $$;
          CREATE MATERIALIZED VIEW mv.raising AS SELECT mv.raise() AS a FROM mv.lower WITH NO DATA;
          CREATE MATERIALIZED VIEW mv."${evil}" AS SELECT * FROM mv.lower`);
    try {
        await register("raising");
        await ask("POST", `matviews/${psql("SELECT id FROM ayb_jobs.matview_refreshes")}/refresh`);
        await page.reload();
        await card(page, "raising").getByText(evil).waitFor();
        await page.getByRole("img", { name: new RegExp(`mv\\.${evil.replace(/[()]/g, "\\$&")} reads mv\\.lower`) }).waitFor();
        assert.equal(await page.locator("img").count(), 0);
    } finally {
        psql(`DROP MATERIALIZED VIEW mv.raising, mv."${evil}"; DROP FUNCTION mv.raise()`);
    }
});

pageTest("the server is stopped and started again", "/views", async page => {
    await register("lower");
    await card(page, "lower").waitFor();
    stopServer();
    try {
        await page.getByText("The database isn't available.").waitFor();
        await card(page, "lower").waitFor(); // what was seen stays
    } finally {
        startServer();
    }
    psql("SET ROLE sidecar; SELECT ayb_jobs.register_matview('upper', 'mv')");
    await card(page, "upper").waitFor();
});

pageTest("register one from the list", "/views", async page => {
    await page.getByRole("button", { name: "Register", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Register a materialized view" });
    await dialog.getByRole("button", { name: "Register", exact: true }).click();
    await dialog.getByText("Choose a view.").waitFor();
    await dialog.getByLabel("View", { exact: true }).first().fill("LOW");
    await dialog.getByRole("radio", { name: /mv\.untouched/ }).waitFor({ state: "detached" });
    await dialog.getByRole("radio", { name: /mv\.lower/ }).check();
    await dialog.getByRole("radio", { name: "concurrent" }).check({ force: true });
    await dialog.getByRole("button", { name: "Register", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await card(page, "lower").getByText("never refreshed").waitFor();
    assert.equal(psql("SELECT view_name || refresh_mode FROM ayb_jobs.matview_refreshes"), "lowerconcurrent");
    // Escape gives the focus back to where it was.
    await page.getByRole("button", { name: "Register", exact: true }).click();
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement.textContent === "Register");
});

pageTest("refresh now, and what keeps it from being refreshed", "/views", async page => {
    await register("lower");
    await register("slow");
    await card(page, "lower").getByRole("button", { name: "Refresh now" }).click();
    await page.getByText(/mv\.lower refreshed in/).waitFor();
    psql("INSERT INTO mv.base SELECT n, 'y' FROM generate_series(501, 520) AS n; SELECT pg_stat_force_next_flush()");
    await card(page, "lower").getByText(/about \d+ rows changed since/).waitFor();
    // Somebody else's refresh is seen, too, and since when it runs.
    psql("BEGIN; LOCK TABLE mv.gate; PREPARE TRANSACTION 'gate'");
    try {
        psql("SELECT ayb_jobs.enqueue('materialized_view_refresh', '{\"schema\": \"mv\", \"view_name\": \"slow\"}')", "sidecar");
        await card(page, "slow").getByText(/refreshing for \d+ s/).waitFor();
    } finally {
        psql("COMMIT PREPARED 'gate'");
    }
    await card(page, "slow").getByText("refreshed", { exact: true }).waitFor();
    // Concurrently it needs an index.
    await card(page, "lower").getByRole("combobox").selectOption("concurrent");
    await page.getByText("is refreshed concurrently from now on").waitFor();
    await card(page, "lower").getByRole("button", { name: "Refresh now" }).click();
    await page.getByRole("alert").getByText(/requires a unique index/).waitFor();
    await card(page, "lower").getByRole("button", { name: "Copy the statement" }).click();
    const statement = await copied(page, /^CREATE UNIQUE INDEX/);
    psql(`SET ROLE sidecar; ${statement}`);
    await card(page, "lower").getByRole("button", { name: "Refresh now" }).click();
    await card(page, "lower").getByText("refreshed", { exact: true }).waitFor();
    await card(page, "lower").getByText("CREATE UNIQUE INDEX").waitFor({ state: "detached" });
    psql("DROP INDEX mv.lower_a_idx");
});

pageTest("a mode changed by mistake is taken back", "/views", async page => {
    await register("upper");
    await card(page, "upper").getByRole("combobox").selectOption("concurrent");
    await until(() => psql("SELECT refresh_mode FROM ayb_jobs.matview_refreshes") === "concurrent", "the change");
    await page.getByRole("button", { name: "Undo" }).click();
    await until(() => psql("SELECT refresh_mode FROM ayb_jobs.matview_refreshes") === "standard", "the way back");
    await until(async () => (await card(page, "upper").getByRole("combobox").inputValue()) === "standard", "the page");
});

pageTest("unregister, after a question", "/views", async page => {
    await register("upper");
    await card(page, "upper").getByRole("button", { name: "Unregister mv.upper" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal(psql("SELECT count(*) FROM ayb_jobs.matview_refreshes"), "1");
    await card(page, "upper").getByRole("button", { name: "Unregister mv.upper" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Unregister" }).click();
    await page.getByText("No view is registered").waitFor();
    assert.equal(psql("SELECT count(*) FROM ayb_jobs.matview_refreshes"), "0");
});

pageTest("a view that is gone, and a search in the address", "/views?q=UNT", async page => {
    await register("untouched");
    await register("upper");
    psql("DROP MATERIALIZED VIEW mv.untouched");
    await card(page, "untouched").getByText("the view is gone").waitFor();
    assert.equal(await card(page, "upper").count(), 0);
    await page.getByLabel("Search").fill("nothing like it");
    await page.getByText("No view has “nothing like it” in its name").waitFor();
    assert.match(page.url(), /q=nothing\+like\+it/);
    await heading(page, "Materialized views");
});
