// Flows: how far each has come, its steps in order, and what is done with it.
import assert from "node:assert/strict";
import { before, beforeEach } from "node:test";
import "./jobs-support.js"; // its handlers
import { accessible, ask, emptyServer, fits, go, heading, lookTest, pageTest, psql, until } from "./support.js";

before(emptyServer);
beforeEach(emptyServer);

const make = (jobs, name) => ask("POST", "flows", { jobs, name }).then(({ id }) => id);
const open = (page, id) => go(page, `/flows/${id}`);
const steps = page => page.getByRole("table", { name: "Steps" });
const badge = (page, word) => page.getByRole("heading", { level: 1 }).getByText(word).waitFor();

const NIGHTLY = [
    { name: "report", type: "good", dependsOn: ["load", "clean <b>"] },
    { name: "load", type: "good" },
    { name: "clean <b>", type: "bad", payload: { who: "us" }, dependsOn: ["load"] },
];

lookTest("a flow that stands, and its steps in order", "/flows", async page => {
    const id = await make(NIGHTLY, "nightly <i>");
    await until(async () => (await ask("GET", `flows/${id}`)).state === "standing", "the flow to stand");
    const line = page.getByRole("table", { name: "Flows" }).getByRole("row").filter({ hasText: "nightly <i>" });
    await line.getByText("standing").waitFor();
    await line.getByText("1 of 3").waitFor();
    await line.getByRole("link", { name: "nightly <i>" }).click();
    await heading(page, /nightly <i>/);
    await steps(page).getByText("no <b>luck</b> for us").waitFor();
    assert.deepEqual(await steps(page).locator("tbody a.strong").allTextContents(), ["load", "clean <b>", "report"]);
    await steps(page).getByText("load, clean <b>").waitFor();
});

const drawn = page => page.getByRole("region", { name: "The flow as a picture" });
/** The boxes as they are drawn: those of a column together, from above. */
const columns = async page => {
    const boxes = await drawn(page).getByRole("listitem").evaluateAll(all =>
        all.map(one => ({ x: Math.round(one.getBoundingClientRect().left), name: one.querySelector(".flow-box-name").textContent })));
    const places = [...new Set(boxes.map(({ x }) => x))].sort((a, b) => a - b);
    return places.map(place => boxes.filter(({ x }) => x === place).map(({ name }) => name));
};

lookTest("a flow is drawn, each step right of those that it waits for", "/flows", async page => {
    const id = await make([...NIGHTLY, { name: "mail", type: "good", dependsOn: ["load"] }, { name: "tidy up", type: "good", dependsOn: ["*"] }], "drawn");
    await until(async () => (await ask("GET", `flows/${id}`)).state === "standing", "the flow to stand");
    await open(page, id);
    await drawn(page).getByRole("link", { name: /^report waiting/ }).waitFor();
    await drawn(page).getByRole("link", { name: /^clean <b> failed · bad/ }).waitFor();
    await drawn(page).getByRole("link", { name: /^mail completed/ }).waitFor();
    const [first, second, third, last, ...others] = await columns(page);
    assert.deepEqual([first, second.sort(), third, last, others], [["load"], ["clean <b>", "mail"], ["report"], ["tidy up"], []]);
    // All lines go to the right: from the edge of one box to the edge of another.
    const lines = await drawn(page).locator("path.flow-line").evaluateAll(all => all.map(line => {
        const box = line.getBBox();
        return [Math.round(box.width) > 0, line.classList.contains("failed")];
    }));
    assert.deepEqual(lines.map(([right]) => right), [true, true, true, true, true, true]);
    assert.equal(lines.filter(([, failed]) => failed).length, 1);
    await accessible(page);
    await fits(page);
    await drawn(page).getByRole("link", { name: /^clean/ }).click();
    await heading(page, /bad/);
});

pageTest("of many steps that are alike there is one box", "/flows", async page => {
    const parts = Array.from({ length: 60 }, (_, n) => ({ name: `part ${n}`, type: n === 7 ? "bad" : "good", payload: { who: "us" }, dependsOn: ["split"] }));
    const id = await make([{ name: "split", type: "good" }, ...parts, { name: "merge", type: "good", dependsOn: parts.map(({ name }) => name) }], "many");
    await until(async () => (await ask("GET", `flows/${id}`)).state === "standing", "the flow to stand");
    await open(page, id);
    await drawn(page).getByText("59 completed").waitFor();
    const [first, second, third] = await columns(page);
    assert.deepEqual([first, second.sort(), third], [["split"], ["59 × good", "part 7"], ["merge"]]);
});

pageTest("what failed is retried, what waits is canceled", "/flows", async page => {
    const id = await make(NIGHTLY, "nightly");
    await until(async () => (await ask("GET", `flows/${id}`)).state === "standing", "the flow to stand");
    await open(page, id);
    psql("SELECT ayb_jobs.pause('bad')");
    await page.getByRole("button", { name: "Retry failed" }).click();
    await page.getByRole("dialog", { name: "Retry 1 failed job of this flow?" }).getByRole("button", { name: "Retry them" }).click();
    await badge(page, "running");
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await page.getByRole("dialog", { name: "Cancel 2 queued jobs of this flow?" }).getByRole("button", { name: "Cancel them" }).click();
    await badge(page, "canceled");
    await steps(page).getByRole("link", { name: "report" }).click();
    await heading(page, /good/);
    await page.getByRole("region", { name: "Facts" }).getByRole("link", { name: id.slice(-8) }).click();
    await badge(page, "canceled");
    psql("SELECT ayb_jobs.resume('bad')");
});

lookTest("no flow yet, and none of that id", "/flows", async page => {
    await page.getByText("No flow yet").waitFor();
    await open(page, "01234567-89ab-7def-8123-456789abcdef");
    await page.getByText("There is no such flow").waitFor();
});
