// JSON that folds. It is text all the way, and only what is unfolded is made: a megabyte or a thousand levels are as
// quick as a line.
import { useState } from "preact/hooks";
import { bytes, plural } from "../lib/format";
import { Exact, type Json, printJson } from "../lib/json";
import { CopyButton } from "./button";
import { Icon } from "./icon";

const OPEN_LEVELS = 2; // unfolded at first
const OPEN_CHILDREN = 30;
const CHILDREN_AT_ONCE = 100;
const SHORT_TEXT = 300;
const TEXT_AT_ONCE = 20_000;

type Branch = Json[] | { [key: string]: Json };

const isBranch = (value: Json): value is Branch =>
    typeof value === "object" && value !== null && !(value instanceof Exact);

// Marks that turn the direction of text would make it look like something else.
const TURNING = /[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;

const visible = (text: string): string =>
    JSON.stringify(text).replace(TURNING, mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);

function Text({ text }: { text: string }) {
    const [shown, setShown] = useState(SHORT_TEXT);
    const cut = text.length > shown;
    const quoted = visible(cut ? text.slice(0, shown) : text);
    return (
        <>
            <bdi class="json-string">{cut ? quoted.slice(0, -1) : quoted}</bdi>
            {cut && (
                <button type="button" class="json-more" onClick={() => setShown(shown + TEXT_AT_ONCE)}>
                    … more of {bytes(text.length)}
                </button>
            )}
        </>
    );
}

function Leaf({ value }: { value: Exclude<Json, Branch> }) {
    if (typeof value === "string") return <Text text={value} />;
    if (value instanceof Exact) return <span class="json-number">{value.text}</span>;
    return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
}

function Name({ name }: { name: string | number | undefined }) {
    if (name === undefined) return null;
    return (
        <>
            <bdi class="json-key">{typeof name === "number" ? name : visible(name)}</bdi>
            <span class="json-colon">: </span>
        </>
    );
}

function sizeOf(value: Branch): number {
    return Array.isArray(value) ? value.length : Object.keys(value).length;
}

function Children({ value, level }: { value: Branch; level: number }) {
    const [shown, setShown] = useState(CHILDREN_AT_ONCE);
    const names = Array.isArray(value) ? undefined : Object.keys(value);
    const total = names ? names.length : (value as Json[]).length;
    const some = Array.from({ length: Math.min(shown, total) }, (_, at): [string | number, Json] => {
        const name = names ? (names[at] as string) : at;
        return [name, (value as Record<string | number, Json>)[name] as Json];
    });
    return (
        <ul>
            {some.map(([name, child]) => (
                <Node key={name} name={name} value={child} level={level + 1} />
            ))}
            {total > shown && (
                <li>
                    <button type="button" class="json-more" onClick={() => setShown(shown * 10)}>
                        … {plural(total - shown, "more", "more")}
                    </button>
                </li>
            )}
        </ul>
    );
}

function Node({ name, value, level }: { name?: string | number | undefined; value: Json; level: number }) {
    const branch = isBranch(value) ? value : undefined;
    const size = branch ? sizeOf(branch) : 0;
    const [open, setOpen] = useState(level < OPEN_LEVELS && size <= OPEN_CHILDREN);
    if (!branch)
        return (
            <li>
                <Name name={name} />
                <Leaf value={value as Exclude<Json, Branch>} />
            </li>
        );
    const [left, right] = Array.isArray(branch) ? ["[", "]"] : ["{", "}"];
    if (size === 0)
        return (
            <li>
                <Name name={name} />
                {left}
                {right}
            </li>
        );
    return (
        <li>
            <button type="button" class="json-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
                <Icon name={open ? "down" : "right"} size={12} />
                <Name name={name} />
                {left}
                {!open && (
                    <span class="json-size">
                        {plural(size, Array.isArray(branch) ? "item" : "key")} {right}
                    </span>
                )}
            </button>
            {open && <Children value={branch} level={level} />}
            {open && <span class="json-close">{right}</span>}
        </li>
    );
}

export function JsonTree({ value, label }: { value: Json; label: string }) {
    return (
        <div class="json">
            <div class="json-tools">
                <CopyButton text={() => printJson(value)} label={`Copy ${label}`} />
            </div>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it may scroll, so the keyboard has to reach it */}
            <section class="json-body" aria-label={label} tabIndex={0}>
                <ul>
                    <Node value={value} level={0} />
                </ul>
            </section>
        </div>
    );
}
