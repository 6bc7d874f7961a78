// Who listens to what; and the two pages of docs/guide/realtime.md, as they stand there, in front of an application whose
// part is played here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { listen, token } from "./realtime-support.js";
import { ask, logIn, lookTest, openContext, openPage, pageTest, psql, until, URL_OF_PAGE } from "./support.js";

const { env } = process;
const origin = `http://127.0.0.1:${env.AYB_APP_PORT}`;
const pages = [...readFileSync(env.AYB_GUIDE, "utf8").matchAll(/```html\n(.*?)```/gs)].map(([, page]) =>
    page.replaceAll("https://jobs.example.com", URL_OF_PAGE.replace(/\/$/, "")),
);

const rows = query => psql(`SELECT coalesce(json_agg(r), '[]') FROM (${query}) AS r`);
const user = request => /user=(\w+)/.exec(request.headers.cookie ?? "")?.[1] ?? "ann";
const text = value => `'${value.replaceAll("'", "''")}'`;

async function body(request) {
    let all = "";
    for await (const piece of request) all += piece;
    return all;
}

const routes = {
    "GET /chat": () => pages[0],
    "GET /list": () => pages[1],
    "GET /token": request => JSON.stringify({ token: token(user(request)) }),
    "GET /messages": () => rows("SELECT * FROM messages ORDER BY id"),
    "GET /tasks": () => rows("SELECT * FROM tasks WHERE NOT done ORDER BY id"),
    "POST /messages": async request => {
        psql(`INSERT INTO messages (author, body) VALUES (${text(user(request))}, ${text(await body(request))})`);
        return "{}";
    },
};

const application = createServer(async (request, response) => {
    const answer = await routes[`${request.method} ${new URL(request.url, origin).pathname}`]?.(request);
    response.setHeader("Content-Type", request.url.match(/^\/(chat|list)$/) ? "text/html; charset=utf-8" : "application/json");
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
});

before(async () => {
    assert.equal(pages.length, 2);
    psql(`CREATE TABLE messages (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author text, body text);
          CREATE TABLE tasks (id integer PRIMARY KEY, title text, done boolean DEFAULT false, owner text);
          ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
          CREATE POLICY own ON tasks USING (owner = current_setting('ayb.user_id', true));
          GRANT SELECT ON messages, tasks TO ayb_authenticated;
          SELECT ayb_jobs.enable_realtime(t) FROM unnest('{messages,tasks}'::regclass[]) AS t`);
    await new Promise(resolve => application.listen(env.AYB_APP_PORT, "127.0.0.1", resolve));
});
after(() => application.closeAllConnections() ?? application.close());

/** A tab of the application's own. */
async function visit(path, cookie = "ann") {
    const context = await openContext();
    await context.addCookies([{ name: "user", value: cookie, url: origin }]);
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", error => page.faults.push(String(error)));
    await page.goto(origin + path);
    return page;
}

test("the guide's chat", async () => {
    psql("INSERT INTO messages (author, body) VALUES ('zoe', 'before')");
    const [ann, bob] = [await visit("/chat", "ann"), await visit("/chat", "bob")];
    try {
        for (const page of [ann, bob]) await page.getByText("zoe: before").waitFor();
        await ann.locator("input").fill("<b>hello</b> 'you'");
        await ann.getByRole("button", { name: "Send" }).click();
        for (const page of [ann, bob]) await page.getByText("ann: <b>hello</b> 'you'", { exact: true }).waitFor();
        psql("INSERT INTO messages (author, body) SELECT 'zoe', 'line ' || i FROM generate_series(1, 50) AS i");
        for (const page of [ann, bob]) {
            await page.getByText("zoe: line 50", { exact: true }).waitFor();
            assert.equal(await page.locator("li").count(), 52);
            assert.deepEqual(page.faults, []);
        }
    } finally {
        for (const page of [ann, bob]) await page.context().close();
    }
});

test("the guide's list", async () => {
    psql("INSERT INTO tasks VALUES (1, 'one', false, 'ann'), (2, 'two', false, 'bob'), (3, 'three', false, 'ann')");
    const page = await visit("/list");
    const titles = () => page.locator("li").allInnerTexts();
    const shows = (...wanted) => until(async () => JSON.stringify(await titles()) === JSON.stringify(wanted), `${wanted}`);
    try {
        routes["GET /tasks"] = () => rows("SELECT * FROM tasks WHERE NOT done AND owner = 'ann' ORDER BY id");
        await page.reload();
        await shows("one", "three");
        psql("INSERT INTO tasks VALUES (4, 'four', false, 'ann'), (5, 'five', false, 'bob'); UPDATE tasks SET title = 'One' WHERE id = 1");
        await shows("One", "three", "four");
        psql("UPDATE tasks SET done = true WHERE id = 3"); // out of the filter
        await shows("One", "four");
        psql("UPDATE tasks SET owner = 'bob' WHERE id = 4; DELETE FROM tasks WHERE id = 1"); // out of sight, and gone
        await shows();
        psql("UPDATE tasks SET owner = 'ann' WHERE id = 5");
        await shows("five");
        assert.equal(await page.locator("#state").innerText(), "live");
        assert.deepEqual(page.faults, []);
    } finally {
        await page.context().close();
    }
});

lookTest("who listens", "/realtime", async page => {
    const stream = await listen("tasks,messages", "carl");
    try {
        const row = page.getByRole("table", { name: "Streams" }).getByRole("row", { name: /carl/ });
        await row.getByText("messages, tasks").or(row.getByText("tasks, messages")).waitFor();
        assert.match(await row.innerText(), /127\.0\.0\.1/);
    } finally {
        stream.abort();
    }
    await page.getByRole("row", { name: /carl/ }).waitFor({ state: "detached" });
});

pageTest("end a stream, after a question", "/realtime", async page => {
    const stream = await listen("messages", "dora");
    try {
        const row = page.getByRole("row", { name: /dora/ });
        await row.getByRole("button", { name: "End" }).click();
        const dialog = page.getByRole("dialog", { name: "End this stream?" });
        await dialog.getByRole("button", { name: "Leave it" }).click();
        assert.equal(await row.count(), 1);
        await row.getByRole("button", { name: "End" }).click();
        await dialog.getByRole("button", { name: "End the stream" }).click();
        await row.waitFor({ state: "detached" });
    } finally {
        stream.abort();
    }
});

test("who may look alone is shown who listens, and no way to end it", async () => {
    const { token: reads } = await ask("POST", "tokens", { name: "looks_at_streams", right: "read" });
    const [context, stream] = [await openContext(), await listen("messages", "emil")];
    try {
        const page = await openPage(context, "/realtime");
        await logIn(page, reads);
        await page.getByRole("row", { name: /emil/ }).waitFor();
        assert.equal(await page.getByRole("button", { name: "End" }).count(), 0);
        assert.deepEqual(page.faults, []);
    } finally {
        stream.abort();
        await context.close();
    }
});
