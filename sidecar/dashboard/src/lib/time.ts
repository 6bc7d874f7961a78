// Times as a person reads them: relative, with the exact one beside.
import { useEffect, useState } from "preact/hooks";
import { createStore, type Store, useStore } from "./store";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// One clock a pace for the whole page, which stands still while nobody looks at it.
const clocks = new Map<number, Store<number>>();

function clock(pace: number): Store<number> {
    let known = clocks.get(pace);
    if (!known) {
        const made = createStore(Date.now());
        window.setInterval(() => {
            if (!document.hidden) made.set(Date.now());
        }, pace);
        clocks.set(pace, made);
        known = made;
    }
    return known;
}

/** Now, anew every `pace` milliseconds. */
export const useNow = (pace = 1000): number => useStore(clock(pace));

/** True from `ms` after `since` became true on, so that what is quick doesn't flicker. */
export function useDelayed(since: boolean, ms: number): boolean {
    const [late, setLate] = useState(false);
    useEffect(() => {
        setLate(false);
        if (!since) return;
        const timer = window.setTimeout(() => setLate(true), ms);
        return () => window.clearTimeout(timer);
    }, [since, ms]);
    return since && late;
}

/** "3 s", "4 min", "5 h 20 min", "6 d". */
export function span(seconds: number): string {
    const s = Math.abs(seconds);
    if (s < MINUTE) return `${Math.floor(s)} s`;
    if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
    if (s < DAY) {
        const minutes = Math.floor((s % HOUR) / MINUTE);
        return `${Math.floor(s / HOUR)} h${minutes && s < 10 * HOUR ? ` ${minutes} min` : ""}`;
    }
    return s < 365 * DAY ? `${Math.floor(s / DAY)} d` : `${Math.floor(s / (365 * DAY))} y`;
}

/** "4 min ago", "in 2 h". */
export function relative(at: number, now: number): string {
    const seconds = (now - at) / 1000;
    if (Math.abs(seconds) < 1) return "now";
    return seconds > 0 ? `${span(seconds)} ago` : `in ${span(Math.ceil(-seconds))}`;
}

/** "840 µs", "12 ms", "3.4 s", "2 min 5 s". */
export function duration(ms: number): string {
    if (ms < 1) return `${Math.round(ms * 1000)} µs`;
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
    if (ms < MINUTE * 1000) return `${Math.round(ms / 1000)} s`;
    const s = Math.round(ms / 1000);
    if (s < HOUR) return `${Math.floor(s / MINUTE)} min${s % MINUTE ? ` ${s % MINUTE} s` : ""}`;
    return span(s);
}

const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** The exact time in the viewer's zone and in UTC. */
export function exact(at: string): string {
    const date = new Date(at);
    return Number.isNaN(date.getTime()) ? at : `${exactly.format(date)}\n${at}`;
}

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** An instant in a zone: "Mon, 24 Nov 2026, 09:00:00 GMT+1". Undefined for a zone that the browser doesn't know. */
export function inZone(at: string, zone: string): string | undefined {
    try {
        return new Intl.DateTimeFormat(undefined, {
            weekday: "short",
            day: "numeric",
            month: "short",
            year: "numeric",
            hour: "2-digit",
            minute: "2-digit",
            second: "2-digit",
            timeZoneName: "short",
            hourCycle: "h23",
            timeZone: zone,
        }).format(new Date(at));
    } catch {
        return undefined;
    }
}
