'use strict';
/* Other spellings of an expression: each translates one rule in which an oracle differs. */

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const DAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');
const FIELDS = [
    { name: 'second', low: 0, high: 59 },
    { name: 'minute', low: 0, high: 59 },
    { name: 'hour', low: 0, high: 23 },
    { name: 'day', low: 1, high: 31 },
    { name: 'month', low: 1, high: 12 },
    { name: 'weekday', low: 0, high: 6 },
];

/* The fields by name; seconds only where they were written. Null for a macro. */
function parse(expr) {
    if (expr.startsWith('@')) return null;
    const words = expr.split(' ');
    const facts = FIELDS.slice(6 - words.length);
    return Object.fromEntries(facts.map((f, i) => [f.name, words[i]]));
}

function write(fields) {
    return FIELDS.filter((f) => f.name in fields).map((f) => fields[f.name]).join(' ');
}

function number(text, names, base) {
    const at = names.indexOf(text.toUpperCase());
    return at < 0 ? Number(text) : at + base;
}

/* The values of one plain list item, or null when it is a special such as L, 15W or 2#1. */
function values(item, fact) {
    const found = /^(\*|\w+?)(?:-(\w+))?(?:\/(\d+))?$/.exec(item);
    const special = fact.name === 'day' ? /[LW?]/i.test(item) : /^\w+L$|#|\?/i.test(item);
    if (!found || special) return null;
    const names = fact.name === 'month' ? MONTHS : fact.name === 'weekday' ? DAYS : [];
    const base = fact.name === 'month' ? 1 : 0;
    let [low, high] = [fact.low, fact.high];
    if (found[1] !== '*') {
        low = number(found[1], names, base);
        if (found[2] !== undefined) high = number(found[2], names, base);
        else if (found[3] === undefined) high = low;
    }
    if (fact.name === 'weekday' && high === 0 && low > 0) high = 7;
    const out = [];
    for (let v = low; v <= high; v += Number(found[3] || 1)) out.push(fact.name === 'weekday' ? v % 7 : v);
    return out;
}

/* Each value written out once, in order; specials stay, behind them. */
function plainList(text, fact) {
    const numbers = new Set();
    const rest = [];
    for (const item of text.split(',')) {
        const list = values(item, fact);
        if (list === null) rest.push(item);
        else list.forEach((v) => numbers.add(v));
    }
    return [...[...numbers].sort((a, b) => a - b).map(String), ...new Set(rest)].join(',');
}

const fact = (name) => FIELDS.find((f) => f.name === name);

/* What cron.md calls a wildcard rule. */
function isWildcard(fields) {
    return /^\*/.test(fields.minute) || /^\*/.test(fields.hour) || plainList(fields.hour, fact('hour')).split(',').length === 24;
}

const has = (fields, name) => name in fields;

/* Each gives a new set of fields. */
const TRANSLATIONS = {
    /* Lists written out, except where a field is a star alone. */
    plain(fields) {
        const out = { ...fields };
        for (const f of FIELDS)
            if (has(out, f.name) && !['*', '?'].includes(out[f.name])) out[f.name] = plainList(out[f.name], f);
        return out;
    },
    /* Times without star or step for a fixed rule; a star in the hours for a wildcard rule. */
    timeKind(fields) {
        const out = { ...fields };
        if (!isWildcard(fields)) {
            for (const name of ['second', 'minute', 'hour'])
                if (has(out, name)) out[name] = plainList(out[name], fact(name));
        } else if (!/^\*/.test(fields.minute) && !/^\*/.test(fields.hour)) {
            out.hour = '*';
        }
        return out;
    },
    /* The times of a wildcard rule as if they were fixed (24 hours are still a wildcard). */
    allFixed(fields) {
        const out = { ...fields };
        for (const name of ['minute', 'hour']) out[name] = plainList(out[name], fact(name));
        return out;
    },
    /* A day field that begins with a star but is not the star alone, as any other restricted one. */
    eitherDay(fields) {
        const out = { ...fields };
        for (const name of ['day', 'weekday'])
            if (/^\*./.test(out[name])) out[name] = plainList(out[name], fact(name));
        return out;
    },
    /* a/n in the weekday field, to Saturday or to the Sunday behind it. */
    weekToSaturday(fields) {
        return { ...fields, weekday: fields.weekday.replace(/(^|,)(\d)\/(\d)/g, '$1$2-6/$3') };
    },
    weekToSunday(fields) {
        return { ...fields, weekday: fields.weekday.replace(/(^|,)(\d)\/(\d)/g, '$1$2-7/$3') };
    },
    rangeToSunday(fields) {
        return { ...fields, weekday: fields.weekday.replace('6-0', '6-7').replace(/fri-sun/i, '5-7') };
    },
};

/* The expression after these translations, in their order; a macro stays as it is. */
function translate(expr, names) {
    let fields = parse(expr);
    if (fields === null) return expr;
    for (const name of names) fields = TRANSLATIONS[name](fields);
    return write(fields);
}

module.exports = { parse, write, translate };
