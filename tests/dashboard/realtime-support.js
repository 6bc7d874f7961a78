// Users of an application, who listen to changes.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { URL_OF_PAGE } from "./support.js";

export function token(user, lifetime = 600) {
    const part = value => Buffer.from(JSON.stringify(value)).toString("base64url");
    const payload = { sub: user, exp: Math.floor(Date.now() / 1000) + lifetime };
    const content = `${part({ alg: "HS256" })}.${part(payload)}`;
    const secret = readFileSync(process.env.AYB_APP_SECRET, "utf8").trim();
    return `${content}.${createHmac("sha256", secret).update(content).digest("base64url")}`;
}

/** A stream that nobody reads, as long as the test has it. */
export async function listen(tables, who) {
    const stop = new AbortController();
    const answer = await fetch(`${URL_OF_PAGE}api/realtime?tables=${tables}`, {
        headers: { Authorization: `Bearer ${token(who)}` },
        signal: stop.signal,
    });
    assert.equal(answer.status, 200);
    stop.answer = answer; // one that nobody holds is collected, and its stream ends with it
    return stop;
}
