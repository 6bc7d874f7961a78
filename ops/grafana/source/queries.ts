// How figures are asked for. Several sidecars of one database export the same: so the largest of what they say is taken
// first, and only then is something summed up.

// What the dashboard's variables choose; $__rate_interval is Grafana's own.
const DATABASE = 'database=~"$database"';
const TYPE = 'type=~"$type"';
const INTERVAL = "$__rate_interval";

const among = (...wanted: string[]): string => `{${wanted.join(", ")}}`;

// A gauge of each database, by these labels besides.
export const gauge = (metric: string, ...by: string[]): string =>
    `max by (${["database", ...by].join(", ")}) (${metric}${among(DATABASE)})`;

export const openJobs = `max by (database, phase) (ayb_jobs_jobs${among(DATABASE, 'phase!~"completed|failed|canceled"')})`;

// A gauge of the chosen types.
export const ofTypes = (metric: string, ...by: string[]): string =>
    `max by (${["database", "type", ...by].join(", ")}) (${metric}${among(DATABASE, TYPE)})`;

// Seconds since what a gauge names.
export const since = (metric: string, by: string): string => `time() - ${gauge(metric, by)}`;

// Attempts a second, by these labels.
export const attempts = (...by: string[]): string =>
    `sum by (${["database", ...by].join(", ")}) (max by (database, type, outcome) ` +
    `(rate(ayb_jobs_attempts_total${among(DATABASE, TYPE)}[${INTERVAL}])))`;

// A quantile of a histogram of types, by these labels.
export const quantile = (which: number, metric: string, ...by: string[]): string =>
    `histogram_quantile(${which}, sum by (${["database", ...by, "le"].join(", ")}) (max by (database, type, le) ` +
    `(rate(${metric}_bucket${among(DATABASE, TYPE)}[${INTERVAL}]))))`;

const perSecond = (series: string): string =>
    `max by (database, type) (rate(${series}${among(DATABASE, TYPE)}[${INTERVAL}]))`;

// How many attempts ran at once, on average: seconds of work a second.
export const work = (metric: string): string => perSecond(`${metric}_sum`);

// How long an attempt took on average.
export const mean = (metric: string): string =>
    `${perSecond(`${metric}_sum`)} / (${perSecond(`${metric}_count`)} > 0)`;

// What each sidecar tells of itself alone.
export const ofSidecars = (metric: string, by: string): string => `sum by (${by}) (${metric})`;
export const changes = `sum by (instance) (rate(ayb_jobs_realtime_events_total[${INTERVAL}]))`;
export const requests = `sum by (code) (rate(ayb_jobs_http_requests_total[${INTERVAL}]))`;
export const requestQuantile = (which: number): string =>
    `histogram_quantile(${which}, sum by (le) (rate(ayb_jobs_http_request_seconds_bucket[${INTERVAL}])))`;
