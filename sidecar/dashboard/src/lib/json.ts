// JSON as PostgreSQL keeps it: numbers that a double can't hold stay as they were written.

/** A number by its digits. */
export class Exact {
    constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | Exact | Json[] | { [key: string]: Json };

// Only these may be changed by a double; a text without any is parsed at full speed.
const RISKY = /[\d.]{17}|\d[eE][+-]?\d/;

/** Digits and exponent, the same for every way to write a number. */
function canonical(text: string): string | undefined {
    const [, whole = "", fraction = "", exponent = "0"] = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
    if (!whole) return undefined;
    const digits = (whole + fraction).replace(/^0+/, "");
    const kept = digits.replace(/0+$/, "");
    return kept ? `${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}` : "0";
}

function keepExact(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined) return value;
    return canonical(source) === canonical(String(value)) ? value : new Exact(source);
}

export function parseJson<T>(text: string): T {
    if (!RISKY.test(text)) return JSON.parse(text) as T;
    try {
        return JSON.parse(text, keepExact) as T;
    } catch (error) {
        // Too deep for a reviver, which recurses.
        if (error instanceof RangeError) return JSON.parse(text) as T;
        throw error;
    }
}

/** The text of a value, with the digits of exact numbers. */
export function printJson(value: Json, indent = 2): string {
    const exact: string[] = [];
    // Stands for a number until the text is made; nobody can put it into a payload.
    const mark = `exact-${Math.random().toString(36).slice(2)}-`;
    const hold = (_key: string, item: unknown) => (item instanceof Exact ? mark + (exact.push(item.text) - 1) : item);
    const text = JSON.stringify(value, hold, indent);
    if (exact.length === 0) return text;
    return text.replace(new RegExp(`"${mark}(\\d+)"`, "g"), (whole, index) => exact[Number(index)] ?? whole);
}
