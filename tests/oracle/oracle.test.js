'use strict';
/*
 * Our engine against croner and cron-parser on 5,000 seeded random cases. Fails on a difference that
 * docs/cron-oracles.md does not explain.
 *   node oracle.test.js [--list]     --list writes every difference with its class to standard output
 *   COUNT=, SEED=, CRON_CLI=         other cases, another binary
 */

const { make } = require('./cases');
const { ours, croner, cronParser } = require('./engines');
const { classifyCroner, classifyCronParser } = require('./classify');
const explained = require('./explained.json');

const cases = make(Number(process.env.COUNT || 5000), Number(process.env.SEED || 20240310));
const ORACLES = [
    { name: 'croner', ask: croner, classify: classifyCroner },
    { name: 'cron-parser', ask: cronParser, classify: classifyCronParser },
];

const readable = (answer) => (/^-?\d+$/.test(answer) ? new Date(answer * 1000).toISOString().replace('.000', '') : answer);
const agree = (a, b) => a === b || (a.startsWith('error') && b.startsWith('error'));
const list = process.argv.includes('--list');
const answers = ours(cases);
let failures = 0;

for (const oracle of ORACLES) {
    const classes = new Map();
    let same = 0;
    cases.forEach((c, i) => {
        const their = oracle.ask(c);
        if (agree(answers[i], their)) {
            same += 1;
            return;
        }
        const name = oracle.classify(c, answers[i], their);
        const rules = name === null ? [] : name.split('+');
        const known = rules.length > 0 && rules.every((rule) => rule in explained[oracle.name]);
        const line = [oracle.name, c.expr, c.zone, readable(String(c.ref)), readable(answers[i]), readable(their), name];
        if (!known) {
            failures += 1;
            console.error(`unexplained\t${line.join('\t')}`);
        } else if (list) {
            console.log(line.join('\t'));
        }
        classes.set(name, (classes.get(name) || 0) + 1);
    });
    const counts = [...classes].sort((a, b) => b[1] - a[1]);
    console.error(`${oracle.name}: ${same} of ${cases.length} alike, ${cases.length - same} explained or not:`);
    for (const [name, count] of counts) console.error(`  ${count}\t${name}`);
}
console.error(`${ORACLES.length * cases.length - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
