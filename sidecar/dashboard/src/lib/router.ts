// Where the page is: a path and filters behind the `#`, so that links are shareable and a proxy may serve the page below
// any path.
import { createStore, useStore } from "./store";

export interface Location {
    path: string; // begins with "/", without one at the end
    segments: string[]; // decoded
    query: URLSearchParams;
}

export interface ScreenProps {
    /** Of the address, after the screen's name. */
    segments: string[];
}

export type QueryPatch = Record<string, string | number | boolean | null | undefined>;

function decode(segment: string): string {
    try {
        return decodeURIComponent(segment);
    } catch {
        return segment;
    }
}

function parse(hash: string): Location {
    const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
    const segments = path.split("/").filter(Boolean).map(decode);
    return { path: `/${path.split("/").filter(Boolean).join("/")}`, segments, query: new URLSearchParams(query) };
}

const location = createStore(parse(window.location.hash));
window.addEventListener("hashchange", () => location.set(parse(window.location.hash)));

export const useLocation = (): Location => useStore(location);

/** The address of a path with filters; empty ones are left out. */
export function href(path: string, query: QueryPatch = {}): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== null && value !== undefined && value !== "" && value !== false)
            parameters.set(name, String(value));
    }
    const text = parameters.toString();
    return `#${path}${text ? `?${text}` : ""}`;
}

export function navigate(path: string, query: QueryPatch = {}, { replace = false } = {}): void {
    const target = href(path, query);
    if (target === window.location.hash) return;
    if (replace) {
        window.history.replaceState(null, "", target);
        location.set(parse(target));
    } else {
        window.location.hash = target;
    }
}

/** Changes some of the filters and keeps the others; typing in a filter replaces, so that "back" leaves the screen. */
export function setQuery(patch: QueryPatch, { replace = true } = {}): void {
    const { path, query } = location.get();
    navigate(path, { ...Object.fromEntries(query), ...patch }, { replace });
}
