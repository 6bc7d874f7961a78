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
    if (Number.isNaN(seconds)) return "–";
    const s = Math.abs(seconds);
    if (s < MINUTE) return `${Math.floor(s)} s`;
    if (s < HOUR) return `${Math.floor(s / MINUTE)} min`;
    if (s < DAY) {
        const minutes = Math.floor((s % HOUR) / MINUTE);
        return `${Math.floor(s / HOUR)} h${minutes && s < 10 * HOUR ? ` ${minutes} min` : ""}`;
    }
    return s < 365 * DAY ? `${Math.floor(s / DAY)} d` : `${Math.floor(s / (365 * DAY))} y`;
}

/** An instant of PostgreSQL, whose years may have more than four digits; NaN where no clock of a browser goes that far. */
export function instantOf(at: string): number {
    const [, year = "", rest = ""] = /^(\d{5,6})(-.*)$/.exec(at) ?? [];
    return Date.parse(year ? `+${year.padStart(6, "0")}${rest}` : at);
}

/** "4 min ago", "in 2 h"; the instant itself where it is none for a browser. */
export function relative(at: string, now: number): string {
    const seconds = (now - instantOf(at)) / 1000;
    if (Number.isNaN(seconds)) return at;
    if (Math.abs(seconds) < 1) return "now";
    return seconds > 0 ? `${span(seconds)} ago` : `in ${span(Math.ceil(-seconds))}`;
}

/** "840 µs", "12 ms", "3.4 s", "2 min 5 s". */
export function duration(ms: number): string {
    // Each up to where rounding would make it one of the next unit.
    if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
    if (ms < 9.95) return `${ms.toFixed(1)} ms`;
    if (ms < 999.5) return `${Math.round(ms)} ms`;
    if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
    if (ms < 59_500) return `${Math.round(ms / 1000)} s`;
    const s = Math.round(ms / 1000);
    if (s < HOUR) return `${Math.floor(s / MINUTE)} min${s % MINUTE ? ` ${s % MINUTE} s` : ""}`;
    return span(s);
}

const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** The exact time in the viewer's zone and in UTC. */
export function exact(at: string): string {
    const instant = instantOf(at);
    return Number.isNaN(instant) ? at : `${exactly.format(instant)}\n${at}`;
}

export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** An instant as <input type="datetime-local"> writes it: in the viewer's zone, without it. */
export function toLocal(at: string, to: "minute" | "second" = "minute"): string {
    const instant = at ? instantOf(at) : Number.NaN;
    if (Number.isNaN(instant)) return "";
    const here = instant - new Date(instant).getTimezoneOffset() * 60_000;
    return new Date(here).toISOString().slice(0, to === "minute" ? 16 : 19);
}
