// The endless list of jobs: pages as they are scrolled to, kept up to date where that moves nothing that one looks at.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, type BriefJob, type JobEvent, type JobFilter } from "./api";
import { ApiError } from "./http";
import { type JobQuery, toFilter } from "./job-filter";
import { fitting, joined, PAGE, patched } from "./job-pages";
import { onChange } from "./live";

const FRESHEN_MS = 1500;
/** How many jobs one look of a search goes through, at most. */
export const LOOK = 20_000;

interface Pages {
    items: BriefJob[];
    cursor: string | undefined; // where it goes on
    busy: boolean;
    error: ApiError | undefined;
    looks: number; // of a search that goes on
    looked: boolean; // a search that was stopped, though there is more to look at
    news: boolean; // there are jobs that aren't shown
}

export interface JobList extends Pages {
    more: () => void;
    refresh: () => void;
    stop: () => void;
}

const NOTHING: Pages = {
    items: [],
    cursor: undefined,
    busy: true,
    error: undefined,
    looks: 0,
    looked: false,
    news: false,
};

const asError = (error: unknown): ApiError => (error instanceof ApiError ? error : new ApiError(0, String(error)));

/** One page; of a search as many as it takes to find something. */
async function* pagesFrom(filter: JobFilter, start: string | undefined, signal: AbortSignal) {
    let cursor = start;
    let found = 0;
    for (let step = 1; ; step++) {
        const page = await api.jobs.list({ ...filter, limit: PAGE, cursor }, signal);
        cursor = page.nextCursor;
        found += page.items.length;
        const last = !cursor || found >= PAGE / 2;
        yield { page, last, looks: last ? 0 : step };
        if (last) return;
    }
}

/** `still` says whether rows must not move: somebody has scrolled down or chosen some. */
export function useJobList(query: JobQuery, still: () => boolean): JobList {
    const key = JSON.stringify(query);
    const [slot, setSlot] = useState({ key, pages: NOTHING });
    const pages = slot.key === key ? slot.pages : NOTHING;
    const now = useRef(pages);
    now.current = pages;
    const moving = useRef(still);
    moving.current = still;
    const aborts = useRef<AbortController | undefined>(undefined);
    const asked = useRef(toFilter(query));

    const put = useCallback(
        (change: Partial<Pages>) =>
            setSlot(old => ({ key, pages: { ...(old.key === key ? old.pages : NOTHING), ...change } })),
        [key],
    );

    const load = useCallback(
        async (first: boolean) => {
            aborts.current?.abort();
            const abort = new AbortController();
            aborts.current = abort;
            if (first) asked.current = toFilter(query);
            put({ busy: true, error: undefined, looks: 0, looked: false });
            try {
                let fresh = first;
                const cursor = first ? undefined : now.current.cursor;
                for await (const { page, last, looks } of pagesFrom(asked.current, cursor, abort.signal)) {
                    if (abort.signal.aborted) return;
                    const { items } = now.current;
                    const next = { items: [...items, ...page.items], cursor: page.nextCursor };
                    put({
                        ...(fresh ? { ...joined(page, now.current, query), news: false } : next),
                        busy: !last,
                        looks,
                    });
                    fresh = false;
                    // Rendered before the next page is joined to it.
                    await new Promise(resolve => window.setTimeout(resolve));
                }
            } catch (error) {
                if (!abort.signal.aborted) put({ busy: false, error: asError(error) });
            }
        },
        [key],
    );

    useEffect(() => {
        void load(true);
        return () => aborts.current?.abort();
    }, [key]);

    useEffect(() => {
        let timer = 0;
        let last = 0;
        const freshen = () => {
            timer = 0;
            // A search is too much work to be done again all the time.
            if (moving.current() || query.q) return put({ news: true });
            if (now.current.busy && now.current.items.length > 0) return plan();
            last = Date.now();
            void load(true);
        };
        const plan = () => {
            if (!timer) timer = window.setTimeout(freshen, Math.max(50, FRESHEN_MS - (Date.now() - last)));
        };
        const stop = onChange(({ jobs, all }) => {
            const { items } = now.current;
            const known = new Set(items.map(job => job.id));
            const shown = jobs.filter(event => known.has(event.jobId));
            if (shown.length > 0) {
                const next = patched(items, shown);
                put({ items: moving.current() ? next : fitting(next, query) });
            }
            const fits = (event: JobEvent) =>
                (!query.type || event.type === query.type) && (!query.state || event.newState === query.state);
            if (all || shown.length > 0 || jobs.some(fits)) plan();
        });
        return () => {
            window.clearTimeout(timer);
            stop();
        };
    }, [key]);

    const more = useCallback(() => {
        if (!now.current.busy && now.current.cursor) void load(false);
    }, [load]);
    const refresh = useCallback(() => void load(true), [load]);
    const stop = useCallback(() => {
        aborts.current?.abort();
        put({ busy: false, looks: 0, looked: true });
    }, [put]);
    return { ...pages, more, refresh, stop };
}
