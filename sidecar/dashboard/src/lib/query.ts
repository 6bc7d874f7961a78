// Data of the API in a component: shown at once where it was seen before, asked anew when something happens.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { JobEvent } from "./api";
import { ApiError } from "./http";
import { onChange } from "./live";

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

function asError(error: unknown): ApiError {
    return error instanceof ApiError ? error : new ApiError(0, String(error));
}

/** `key` names what is asked for; null asks nothing. The fetcher may be another function each time. */
export function useQuery<T>(
    key: string | null,
    fetcher: (signal: AbortSignal) => Promise<T>,
    { live = false, every, throttle = 1000 }: QueryOptions = {},
): Query<T> {
    const fresh = (): Slot<T> => ({
        key,
        data: key === null ? undefined : (kept.get(key) as T | undefined),
        error: undefined,
    });
    const [slot, setSlot] = useState<Slot<T>>(fresh);
    const latest = useRef({ fetcher, live });
    latest.current = { fetcher, live };
    const ask = useRef<(soon?: boolean) => void>(() => undefined);

    useEffect(() => {
        setSlot(fresh());
        if (key === null) return;
        const abort = new AbortController();
        let running = false;
        let timer = 0;
        let again = false;

        const run = async () => {
            running = true;
            again = false;
            window.clearTimeout(timer);
            timer = 0;
            try {
                const data = await latest.current.fetcher(abort.signal);
                if (abort.signal.aborted) return;
                keep(key, data);
                setSlot({ key, data, error: undefined });
            } catch (error) {
                if (abort.signal.aborted) return;
                setSlot(old => ({ key, data: old.key === key ? old.data : undefined, error: asError(error) }));
            }
            running = false;
            if (again) plan(throttle);
            else if (every) plan(every);
        };
        const plan = (ms: number) => {
            window.clearTimeout(timer);
            timer = window.setTimeout(() => {
                timer = 0;
                // Nobody looks: when the tab is shown again, it is asked at once.
                if (document.hidden) again = true;
                else void run();
            }, ms);
        };
        let last = Date.now();
        const soon = () => {
            if (running) {
                again = true;
            } else if (!again) {
                again = true;
                plan(Math.max(0, throttle - (Date.now() - last)));
                last = Date.now();
            }
        };
        ask.current = (now = true) => {
            if (now && !running) void run();
            else soon();
        };
        const stop = onChange(({ jobs, all }) => {
            const { live: wanted } = latest.current;
            const concerned = typeof wanted === "function" ? jobs.some(wanted) : wanted && jobs.length > 0;
            if (all || concerned) soon();
        });
        const shown = () => {
            if (!document.hidden && !running && (again || every)) void run();
        };
        document.addEventListener("visibilitychange", shown);
        void run();
        return () => {
            abort.abort();
            window.clearTimeout(timer);
            stop();
            document.removeEventListener("visibilitychange", shown);
        };
    }, [key]);

    const refetch = useCallback(() => ask.current(), []);
    const set = useCallback(
        (data: T) => {
            if (key === null) return;
            keep(key, data);
            setSlot({ key, data, error: undefined });
        },
        [key],
    );
    const current = slot.key === key ? slot : fresh();
    return {
        data: current.data,
        error: current.error,
        loading: key !== null && current.data === undefined && current.error === undefined,
        refetch,
        set,
    };
}
