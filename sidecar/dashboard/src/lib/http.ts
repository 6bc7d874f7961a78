// One request of the admin API.
import { chosenDatabase } from "./database";
import { parseJson } from "./json";
import { expire, session } from "./session";
import { createStore } from "./store";

/** What the API (or the network) refused, as the contract has it. Status 0: nobody answered. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        message: string,
        readonly details = "",
        readonly hint = "",
        readonly sqlstate = "",
        readonly field = "",
        readonly reason = "",
    ) {
        super(message);
    }
}

/** Whether requests reach the sidecar, and it its database. live.ts brings it back to "ok". */
export const reach = createStore<"ok" | "sidecar" | "database">("ok");

export interface Options {
    query?: Record<string, string | number | boolean | null | undefined>;
    body?: unknown;
    signal?: AbortSignal | undefined;
    token?: string; // another than the session's
}

export function headers(token?: string): Record<string, string> {
    const now = session.get();
    const shown = token ?? (now.status === "in" ? now.token : undefined);
    return shown ? { Authorization: `Bearer ${shown}` } : {};
}

// These are of the sidecar itself.
const OF_NO_DATABASE = new Set(["admin/status", "admin/auth", "admin/databases"]);

function address(path: string, query: Options["query"]): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
        if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
    }
    if (chosenDatabase && !OF_NO_DATABASE.has(path)) parameters.set("database", chosenDatabase);
    const text = parameters.toString();
    return `api/${path}${text ? `?${text}` : ""}`;
}

async function failure(response: Response): Promise<ApiError> {
    try {
        const said = (await response.json()) as Record<string, string>;
        return new ApiError(
            response.status,
            said.message ?? response.statusText,
            said.details,
            said.hint,
            said.sqlstate,
            said.field,
            said.reason,
        );
    } catch {
        return new ApiError(response.status, response.statusText || `status ${response.status}`); // a proxy's page
    }
}

async function send(method: string, path: string, options: Options): Promise<Response> {
    const init: RequestInit = { method, headers: headers(options.token), cache: "no-store", credentials: "omit" };
    if (options.signal) init.signal = options.signal;
    if (options.body !== undefined) {
        init.headers = { ...headers(), "Content-Type": "application/json" };
        init.body = typeof options.body === "string" ? options.body : JSON.stringify(options.body);
    }
    try {
        return await fetch(address(path, options.query), init);
    } catch (error) {
        if (options.signal?.aborted) throw error;
        reach.set("sidecar");
        throw new ApiError(0, "ayb-jobs does not answer");
    }
}

/** Asks `api/<path>`. A body that is a string is sent as it is. Throws ApiError, or the signal's reason. */
export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
    const before = session.get();
    const response = await send(method, path, options);
    if (!response.ok) {
        const error = await failure(response);
        if (error.status === 401 && path !== "admin/auth" && !options.token)
            expire(before.status === "in" ? before.token : undefined);
        if (error.reason === "database_away") reach.set("database");
        throw error;
    }
    if (response.status === 204) return undefined as T;
    return parseJson<T>(await response.text());
}
