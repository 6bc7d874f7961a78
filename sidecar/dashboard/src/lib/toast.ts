// What just happened, to be said once; ui/toasts.tsx shows it.
import { ApiError } from "./http";
import { createStore } from "./store";

export interface Toast {
    id: number;
    text: string;
    detail: string;
    failed: boolean;
    undo: (() => void) | undefined;
}

export const toasts = createStore<Toast[]>([]);
const timers = new Map<number, { at: number; timer: number }>();
const SHOWN_MS = 5000;
const UNDO_MS = 9000;
const MOST = 4;
let next = 1;

export function dismiss(id: number): void {
    window.clearTimeout(timers.get(id)?.timer);
    timers.delete(id);
    toasts.set(toasts.get().filter(toast => toast.id !== id));
}

function expireIn(id: number, ms: number): void {
    window.clearTimeout(timers.get(id)?.timer);
    timers.set(id, { at: Date.now() + ms, timer: window.setTimeout(() => dismiss(id), ms) });
}

function show(entry: Omit<Toast, "id">): void {
    const id = next++;
    const all = [...toasts.get(), { ...entry, id }];
    for (const old of all.slice(0, -MOST)) dismiss(old.id);
    toasts.set(all.slice(-MOST));
    // A failure stays until it is read.
    if (!entry.failed) expireIn(id, entry.undo ? UNDO_MS : SHOWN_MS);
}

export const toast = {
    done: (text: string, undo?: () => void) => show({ text, detail: "", failed: false, undo }),
    failed: (text: string, detail = "") => show({ text, detail, failed: true, undo: undefined }),
    /** For a promise's catch. A session that ended is told elsewhere. */
    failure: (error: unknown) => {
        if (error instanceof ApiError && error.status === 401) return;
        if (error instanceof ApiError)
            toast.failed(error.message, [error.details, error.hint].filter(Boolean).join(" — "));
        else toast.failed(error instanceof Error ? error.message : String(error));
    },
};

/** While it is looked at it doesn't go. */
export function hold(id: number, held: boolean): void {
    const timer = timers.get(id);
    if (!timer) return;
    if (held) window.clearTimeout(timer.timer);
    else expireIn(id, Math.max(1500, timer.at - Date.now()));
}
