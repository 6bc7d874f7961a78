// The built page as a C++ source, which the sidecar is linked with: each file compressed, with its type and its tag.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TYPES: Record<string, string> = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
};

function filesBelow(directory: string): string[] {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
    return entries
        .filter(entry => entry.isFile())
        .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
        .sort();
}

function literal(bytes: Buffer): string {
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += 32) {
        lines.push([...bytes.subarray(at, at + 32)].map(byte => `${byte},`).join(""));
    }
    return lines.join("\n");
}

function source(directory: string): string {
    const arrays: string[] = [];
    const rows: string[] = [];
    for (const [number, file] of filesBelow(directory).entries()) {
        const content = readFileSync(join(directory, file));
        const type = TYPES[extname(file)];
        if (!type) throw new Error(`of what type is ${file}? Say so in embed.ts`);
        const packed = gzipSync(content, { level: 9 });
        const tag = createHash("sha256").update(content).digest("hex").slice(0, 16);
        const path = file === "index.html" ? "/" : `/${file}`;
        arrays.push(`const unsigned char kFile${number}[] = {\n${literal(packed)}};`);
        rows.push(`    {"${path}", "${type}", "\\"${tag}\\"", kFile${number}, sizeof(kFile${number})},`);
    }
    return `// Made by sidecar/dashboard/embed.ts.
#include "api/page.hpp"

namespace ayb::api {

namespace {
${arrays.join("\n")}
const PageFile kFiles[] = {
${rows.join("\n")}
};
} // namespace

const PageFiles kPage = {kFiles, sizeof(kFiles) / sizeof(kFiles[0])};

} // namespace ayb::api
`;
}

function read(file: string): string | undefined {
    try {
        return readFileSync(file, "utf8");
    } catch {
        return undefined;
    }
}

/** Writes the source to `target` once the page is built; not at all where there is none, or nothing has changed. */
export function embed(target: string | undefined): Plugin {
    let directory = "";
    return {
        name: "embed",
        apply: "build",
        configResolved: config => {
            directory = join(config.root, config.build.outDir);
        },
        // The first thing to be painted is the frame in its colours, not the empty paper before it; what is to come then
        // is fetched meanwhile.
        transformIndexHtml: {
            order: "post",
            handler: (html, { bundle }) => {
                const start = Object.values(bundle ?? {}).find(
                    ({ type, name }) => type === "chunk" && name === "start",
                );
                if (!start) throw new Error("there is no chunk of start.tsx");
                return html
                    .replace('<script type="module"', '<script type="module" blocking="render"')
                    .replace("</head>", `  <link rel="modulepreload" href="./${start.fileName}">\n  </head>`);
            },
        },
        closeBundle: () => {
            if (!target) return;
            const text = source(directory);
            if (read(target) !== text) writeFileSync(target, text);
        },
    };
}
