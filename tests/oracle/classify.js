'use strict';
/*
 * Why an oracle answers otherwise than we do. A class is given only when it is proved: asked in a
 * spelling that undoes one rule, or on a clock that undoes one transition, both must agree exactly.
 */

const { ours, croner, cronParser } = require('./engines');
const { parse, translate, write } = require('./spelling');
const { transitions } = require('./cases');

const bothMust = (fields) => fields !== null && (/^[*?]/.test(fields.day) || /^[*?]/.test(fields.weekday));

function subsets(list) {
    const all = Array.from({ length: 1 << list.length }, (_, bits) => list.filter((_, i) => (bits >> i) & 1));
    return all.sort((a, b) => a.length - b.length);
}

/*
 * A gap that reaches midnight: we run at its end, which is the next date; they not for that gap.
 * Then we, asked from the gap's end on, say what they say.
 */
function keptToItsDate(c, our, their) {
    const day = (t, offset) => Math.floor((t + offset) / 86400);
    const gap = transitions(c.zone).find((t) => t.at === our && day(t.at, t.before) < day(t.at, t.after));
    return gap !== undefined && ours([{ ...c, ref: gap.at }])[0] === String(their);
}

/* croner takes another spelling, or its option for "both must", and then says what we say. */
function classifyCroner(c, our, their) {
    if (our.startsWith('error: It never matches') && their === 'none') return 'never-matches-late';
    const options = bothMust(parse(c.expr)) ? { domAndDow: true } : {};
    for (const names of subsets(['rangeToSunday', 'timeKind', 'weekToSaturday', 'bothMust'])) {
        const spelled = translate(c.expr, names.filter((n) => n !== 'bothMust'));
        const answer = croner({ ...c, expr: spelled }, names.includes('bothMust') ? options : {});
        const agrees = answer === our || (our.startsWith('error: It never matches') && answer === 'none');
        if (names.length > 0 && agrees) return names.join('+');
        if (keptToItsDate(c, Number(our), Number(answer))) return [...names, 'kept-to-its-date'].join('+');
    }
    return null;
}

/* The clock changes at which an answer may have gone another way: just before it, or after ref. */
function nearby(c, at) {
    return transitions(c.zone).filter((t) => t.at > c.ref - 4 * 3600 && t.at <= at);
}

const hourAfter = (gap) => Math.floor((((gap.at + gap.after) % 86400) + 86400) % 86400 / 3600);

/*
 * A time that a gap holds comes at its own minute: on the clock from before the gap, or in the first
 * hour behind it. We run at the gap's very end (a fixed rule) or not at all (a wildcard one).
 */
function movedByGap(c, expr, our, their) {
    for (const gap of nearby(c, their).filter((t) => t.after > t.before)) {
        const width = gap.after - gap.before;
        const [zone, ref] = [`offset:${gap.before}`, Math.max(c.ref, gap.at - 1)];
        const fields = parse(expr) || { minute: '0', hour: '0', day: '*', month: '*', weekday: '*' };
        const landed = translate(write({ ...fields, hour: String(hourAfter(gap)) }), []);
        const [swallowed, old, late] = ours([
            { expr, zone, ref: gap.at - 1 }, { expr, zone, ref }, { expr: landed, zone: c.zone, ref },
        ]).map(Number);
        const held = swallowed < gap.at + width && their < gap.at + width + 3600;
        const fits = our === gap.at || our > their || c.ref >= gap.at;
        if (held && fits && (old === their || late === their)) return true;
    }
    return false;
}

/* The rule read on the clock from behind an overlap gives `their`, in the second pass. */
function ranInSecondPass(c, expr, our, their) {
    for (const overlap of nearby(c, their).filter((t) => t.after < t.before)) {
        if (their < overlap.at || their >= overlap.at + (overlap.before - overlap.after)) continue;
        const zone = `offset:${overlap.after}`;
        const [again] = ours([{ expr, zone, ref: Math.max(c.ref, overlap.at - 1) }]).map(Number);
        if (again === their && our > their) return true;
    }
    return false;
}

/* We run in the first pass of an overlap that reaches midnight, they only in the second. */
function missedFirstPass(c, our, their) {
    return nearby(c, their).some((t) => t.before > t.after && our < t.at && their - our === t.before - t.after);
}

/* Close to a change by less than an hour, or not at a full hour, where croner says what we say. */
function lostOffHour(c, our) {
    const offHour = (t) => (t.after - t.before) % 3600 !== 0 || (t.at + t.before) % 3600 !== 0;
    const close = (t) => Math.min(Math.abs(t.at - our), Math.abs(t.at - c.ref)) < 2 * 86400;
    if (!transitions(c.zone).some((t) => offHour(t) && close(t))) return false;
    const other = croner(c);
    return other === String(our) || classifyCroner(c, String(our), other) !== null;
}

const REFUSED = [
    [/Invalid characters, got value: .*W$/i, /W/, 'refused-W'],
    [/`#` and `,` special characters are incompatible/, /#.*,|,.*#/, 'refused-list-with-#'],
];

/* cron-parser has no options: it is asked in a spelling that it takes, and we in one of its mind. */
function classifyCronParser(c, our, their) {
    for (const [message, construct, name] of REFUSED)
        if (message.test(their) && construct.test(c.expr)) return name;
    if (our.startsWith('error: It never matches') && /loop limit|Invalid explicit day/.test(their)) return 'never-matches-late';
    for (const asked of subsets(['rangeToSunday', 'plain'])) {
        const answer = cronParser({ ...c, expr: translate(c.expr, asked) });
        for (const [message, construct, name] of REFUSED)
            if (message.test(answer) && construct.test(c.expr)) return [...asked, name].join('+');
        if (/loop limit/.test(answer) && lostOffHour(c, Number(our))) return [...asked, 'lost-off-hour'].join('+');
        if (answer.startsWith('error')) continue;
        if (answer === our) return asked.join('+');
        for (const minded of subsets(['eitherDay', 'weekToSunday', 'allFixed'])) {
            const expr = translate(c.expr, minded);
            const [mind] = ours([{ ...c, expr }]);
            const names = [...asked, ...minded];
            if (mind === answer) return names.join('+');
            if (movedByGap(c, expr, Number(mind), Number(answer))) return [...names, 'moved-by-gap'].join('+');
            if (ranInSecondPass(c, expr, Number(mind), Number(answer))) return [...names, 'second-pass'].join('+');
            if (keptToItsDate({ ...c, expr }, Number(mind), Number(answer))) return [...names, 'kept-to-its-date'].join('+');
            if (missedFirstPass(c, Number(mind), Number(answer))) return [...names, 'missed-first-pass'].join('+');
        }
        if (lostOffHour(c, Number(our))) return [...asked, 'lost-off-hour'].join('+');
    }
    return null;
}

module.exports = { classifyCroner, classifyCronParser };
