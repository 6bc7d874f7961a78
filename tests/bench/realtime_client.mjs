// Who listens, for the benchmark realtime:
//   readers ADDRESS SECRET STREAMS IDENTITIES   streams that read; a line on stdin is answered by how many changes came so far
//   deaf ADDRESS SECRET STREAMS IDENTITIES      streams that read their head, and no more
//   program ADDRESS SECRET COUNT                a stream whose changes tell when they were written; prints the milliseconds of each
//   browser ADDRESS SECRET COUNT PORT           the same by a page of an application at PORT, in headless Chromium
// Each prints "ready" when it has been let in.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const [mode, address, secretFile, count, more] = process.argv.slice(2);
const [host, port] = address.split(":");
const secret = readFileSync(secretFile, "utf8").trim();

function token(subject) {
    const part = value => Buffer.from(JSON.stringify(value)).toString("base64url");
    const content = `${part({ alg: "HS256" })}.${part({ sub: subject, exp: Math.floor(Date.now() / 1000) + 3600 })}`;
    return `${content}.${createHmac("sha256", secret).update(content).digest("base64url")}`;
}

function countIn(buffer, word) {
    let times = 0;
    for (let at = buffer.indexOf(word); at >= 0; at = buffer.indexOf(word, at + word.length)) times++;
    return times;
}

let heard = 0;
let resyncs = 0;

/** A stream of its own socket. What is split between two pieces is found in the second. */
function listen(subject, reads) {
    return new Promise((resolve, reject) => {
        const socket = createConnection({ host, port: Number(port) });
        let rest = Buffer.alloc(0);
        let begun = false;
        socket.on("error", reject);
        socket.on("close", () => reject(new Error(`a stream of ${subject} ended`)));
        socket.write(`GET /api/realtime?tables=changes HTTP/1.1\r\nHost: ${address}\r\nAuthorization: Bearer ${token(subject)}\r\n\r\n`);
        socket.on("data", piece => {
            const text = Buffer.concat([rest, piece]);
            const end = text.lastIndexOf("\n") + 1;
            rest = text.subarray(end);
            const lines = text.subarray(0, end);
            heard += countIn(lines, 'data: {"action"');
            resyncs += countIn(lines, "event: resync");
            if (!begun && lines.includes("event: connected")) {
                begun = true;
                if (!reads) socket.pause();
                resolve(socket);
            }
        });
    });
}

async function many(reads) {
    for (let i = 0; i < Number(count); i += 50)
        await Promise.all(Array.from({ length: 50 }, (_, k) => listen(`u${(i + k) % Number(more)}`, reads)));
    console.log("ready");
    for await (const _ of createInterface({ input: process.stdin })) {
        const { user, system } = process.cpuUsage();
        console.log(`${heard} ${resyncs} ${(user + system) / 1e6}`);
    }
    process.exit();
}

async function program() {
    const answer = await fetch(`http://${address}/api/realtime?tables=changes`, { headers: { Authorization: `Bearer ${token("u0")}` } });
    const lines = createInterface({ input: Readable.fromWeb(answer.body) });
    let told = 0;
    for await (const line of lines) {
        if (line === "event: connected") console.log("ready");
        if (!line.startsWith('data: {"action"')) continue;
        console.log(performance.timeOrigin + performance.now() - JSON.parse(line.slice(6)).record.written);
        if (++told === Number(count)) process.exit();
    }
    throw new Error("the stream ended");
}

const page = `<!doctype html><script>
const stream = new EventSource("http://${address}/api/realtime?tables=changes&token=${token("u0")}");
stream.addEventListener("connected", () => fetch("/ready", { method: "POST" }));
stream.onmessage = ({ data }) => {
    const took = performance.timeOrigin + performance.now() - JSON.parse(data).record.written;
    fetch("/took", { method: "POST", body: took });
};
</script>`;

function browser() {
    const profile = mkdtempSync(join(tmpdir(), "ayb-browser-"));
    const server = createServer((request, response) => {
        let body = "";
        request.on("data", piece => (body += piece));
        request.on("end", () => {
            response.setHeader("Content-Type", "text/html");
            response.end(request.method === "GET" ? page : "");
            if (request.url === "/ready") console.log("ready");
            if (request.url !== "/took") return;
            console.log(body);
            if (++told < Number(count)) return;
            chromium.on("exit", () => {
                rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
                process.exit();
            });
            chromium.kill();
        });
    });
    let chromium;
    let told = 0;
    server.listen(Number(more), "127.0.0.1", () => {
        const flags = ["--no-sandbox", "--remote-debugging-port=0", `--user-data-dir=${profile}`, `http://127.0.0.1:${more}/`];
        chromium = spawn("chromium-headless-shell", flags, { stdio: "ignore" });
    });
}

await { readers: () => many(true), deaf: () => many(false), program, browser }[mode]();
