'use strict';
/* The three engines behind one question: the next run after `ref`, in Unix seconds, or why none. */

const { spawnSync } = require('node:child_process');
const { Cron } = require('croner');
const { CronExpressionParser } = require('cron-parser');

const CLI = process.env.CRON_CLI || `${__dirname}/../../build/cron_cli`;

/* Many at once, as one process answers them all: [{expr, zone, ref}] to strings. */
function ours(cases) {
    const input = cases.map((c) => `${c.expr}\t${c.zone}\t${c.ref}\n`).join('');
    const run = spawnSync(CLI, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (run.error || run.status !== 0) throw new Error(`${CLI}: ${run.error || run.stderr}`);
    const lines = run.stdout.split('\n');
    lines.pop();
    if (lines.length !== cases.length) throw new Error('the command line lost a case');
    return lines;
}

const seconds = (date) => String(Math.floor(date.getTime() / 1000));

/* sloppyRanges takes a/n; "no-wildcard" is the nearest it has to our fixed rules. */
function croner({ expr, zone, ref }, options = {}) {
    try {
        const settings = { timezone: zone, paused: true, sloppyRanges: true, fixedTimeRule: 'no-wildcard' };
        const date = new Cron(expr, { ...settings, ...options }).nextRun(new Date(ref * 1000));
        return date ? seconds(date) : 'none';
    } catch (error) {
        return `error: ${error.message}`;
    }
}

function cronParser({ expr, zone, ref }) {
    try {
        const parsed = CronExpressionParser.parse(expr, { tz: zone, currentDate: new Date(ref * 1000) });
        return seconds(parsed.next().toDate());
    } catch (error) {
        return `error: ${error.message}`;
    }
}

module.exports = { ours, croner, cronParser };
