// Data of the API in a component: shown at once where it was seen before, asked anew when something happens.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { JobEvent } from "./api";
import { ApiError } from "./http";
import { type Change, onChange } from "./live";
import { Poll } from "./poll";

export interface Query<T> {
    data: T | undefined;
    error: ApiError | undefined; // of the last time; `data` stays what it was
    loading: boolean; // and nothing to show yet
    refetch: () => void;
    set: (data: T) => void; // what an action gave back
}

export interface QueryOptions {
    /** Ask again on events: on all of them, on those that this picks, or (the default) only after a gap. */
    live?: boolean | ((event: JobEvent) => boolean);
    /** Ask again after so many milliseconds without an event. */
    every?: number;
    /** Not more often than that. */
    throttle?: number;
}

const MOST_KEPT = 60;
const kept = new Map<string, unknown>();

function keep(key: string, data: unknown): void {
    kept.delete(key);
    kept.set(key, data);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
}

interface Slot<T> {
    key: string | null;
    data: T | undefined;
    error: ApiError | undefined;
}

function known<T>(key: string | null): Slot<T> {
    return { key, data: key === null ? undefined : (kept.get(key) as T | undefined), error: undefined };
}

const asError = (error: unknown): ApiError => (error instanceof ApiError ? error : new ApiError(0, String(error)));

function concerns({ jobs, all }: Change, live: QueryOptions["live"]): boolean {
    return all || (typeof live === "function" ? jobs.some(live) : Boolean(live) && jobs.length > 0);
}

/** Asks for as long as `key` is the same; gives back how to ask at once. */
function usePoll(
    key: string | null,
    ask: (signal: AbortSignal) => Promise<void>,
    { live, every, throttle = 1000 }: QueryOptions,
): () => void {
    const latest = useRef({ ask, live });
    latest.current = { ask, live };
    const current = useRef<Poll | undefined>(undefined);
    useEffect(() => {
        if (key === null) return;
        const abort = new AbortController();
        const poll = new Poll(() => latest.current.ask(abort.signal), {
            every,
            throttle,
            hidden: () => document.hidden,
        });
        current.current = poll;
        const stop = onChange(change => concerns(change, latest.current.live) && poll.soon());
        const shown = () => document.hidden || poll.shown();
        document.addEventListener("visibilitychange", shown);
        poll.now();
        return () => {
            abort.abort();
            poll.stop();
            stop();
            document.removeEventListener("visibilitychange", shown);
        };
    }, [key]);
    return useCallback(() => current.current?.now(), []);
}

/** `key` names what is asked for; null asks nothing. The fetcher may be another function each time. */
export function useQuery<T>(
    key: string | null,
    fetcher: (signal: AbortSignal) => Promise<T>,
    options: QueryOptions = {},
): Query<T> {
    const [slot, setSlot] = useState<Slot<T>>(() => known(key));
    const set = useCallback(
        (data: T) => {
            if (key === null) return;
            keep(key, data);
            setSlot({ key, data, error: undefined });
        },
        [key],
    );
    const ask = async (signal: AbortSignal) => {
        try {
            const data = await fetcher(signal);
            if (!signal.aborted) set(data);
        } catch (error) {
            if (signal.aborted) return;
            setSlot(old => ({ ...(old.key === key ? old : known<T>(key)), error: asError(error) }));
        }
    };
    const refetch = usePoll(key, ask, options);
    const { data, error } = slot.key === key ? slot : known<T>(key);
    return { data, error, loading: key !== null && data === undefined && error === undefined, refetch, set };
}
