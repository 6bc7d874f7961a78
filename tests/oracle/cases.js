'use strict';
/* Seeded random cases: {expr, zone, ref}, the reference in Unix seconds. The same seed, the same cases. */

const { DateTime } = require('luxon');

const ZONES = [
    'UTC', 'America/New_York', 'America/Los_Angeles', 'America/St_Johns', 'America/Sao_Paulo',
    'America/Santiago', 'America/Havana', 'Europe/Berlin', 'Europe/London', 'Europe/Dublin',
    'Africa/Cairo', 'Africa/Casablanca', 'Antarctica/Troll', 'Asia/Tehran', 'Asia/Kathmandu',
    'Asia/Pyongyang', 'Australia/Sydney', 'Australia/Lord_Howe', 'Pacific/Chatham', 'Pacific/Apia',
];

const FIRST = Date.UTC(1990, 0, 1) / 1000;
const LAST = Date.UTC(2036, 0, 1) / 1000;

/* mulberry32 */
function random(seed) {
    return () => {
        seed = (seed + 0x6d2b79f5) | 0;
        let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

function offset(zone, t) {
    return DateTime.fromSeconds(t, { zone }).offset * 60;
}

/* All changes of a zone's offset between FIRST and LAST: {at, before, after}, in seconds. */
const known = new Map();
function transitions(zone) {
    if (known.has(zone)) return known.get(zone);
    const found = [];
    const step = 7 * 86400;
    for (let t = FIRST; t < LAST; t += step) {
        let [low, high] = [t, t + step];
        if (offset(zone, low) === offset(zone, high)) continue;
        while (high - low > 1) {
            const middle = Math.floor((low + high) / 2);
            if (offset(zone, middle) === offset(zone, low)) low = middle;
            else high = middle;
        }
        found.push({ at: high, before: offset(zone, low), after: offset(zone, high) });
    }
    known.set(zone, found);
    return found;
}

function make(count, seed) {
    const next = random(seed);
    const below = (n) => Math.floor(next() * n);
    const one = (list) => list[below(list.length)];
    const span = (low, high) => {
        const a = low + below(high - low + 1);
        return [a, a + below(high - a + 1)];
    };

    function item(low, high) {
        const [a, b] = span(low, high);
        const n = 1 + below(Math.max(1, Math.floor((high - low) / 2)));
        return one([`${a}`, `${a}`, `${a}`, `${a}-${b}`, `${a}-${b}/${n}`, `*/${n}`, `${a}/${n}`]);
    }
    function field(low, high, plain) {
        if (next() < plain) return '*';
        const first = item(low, high);
        return next() < 0.25 ? `${first},${item(low, high)}` : first;
    }
    function day() {
        if (next() < 0.2) return one(['L', 'LW', `${1 + below(31)}W`, '?', `L,${1 + below(28)}`]);
        return field(1, 31, 0.65);
    }
    function month() {
        return next() < 0.1 ? one(['JAN-MAR', 'mar,Oct', 'nov', 'Apr-SEP/2']) : field(1, 12, 0.75);
    }
    function weekday() {
        const w = below(8);
        if (next() < 0.25)
            return one([`${w}L`, `${w}#${1 + below(5)}`, 'MON-FRI', 'FRI-SUN', 'sat,SUN', '6-0', '?',
                        `${w}#1,${w}#3`, 'friL', `${w}L,2`]);
        return field(0, 6, 0.7);
    }
    /* Hours close to where clocks change come up more often. */
    function hour() {
        return next() < 0.5 ? one(['0', '1', '2', '2', '3', '1,2', '1-3', '0-23', '2-4', '23']) : field(0, 23, 0.35);
    }
    function expression() {
        if (next() < 0.03) return one(['@yearly', '@monthly', '@weekly', '@daily', '@hourly']);
        const five = [field(0, 59, 0.15), hour(), day(), month(), weekday()].join(' ');
        return next() < 0.15 ? `${field(0, 59, 0.1)} ${five}` : five;
    }
    function reference(zone) {
        const changes = transitions(zone);
        if (changes.length > 0 && next() < 0.6)
            return one(changes).at - 26 * 3600 + below(30 * 60) * 60;
        return FIRST + below(LAST - FIRST);
    }

    const cases = [];
    while (cases.length < count) {
        const zone = one(ZONES);
        cases.push({ expr: expression(), zone, ref: reference(zone) });
    }
    return cases;
}

module.exports = { make, transitions, offset };
