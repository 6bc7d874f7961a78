const grouped = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** "12,345" */
export const count = (value: number): string => grouped.format(value);

/** "12.3K" */
export const compact = (value: number): string => (value < 10_000 ? grouped.format(value) : short.format(value));

/** "0.4", "12", "1.2K" a second. */
export function rate(value: number): string {
    if (value === 0) return "0";
    if (value < 0.095) return value.toFixed(2);
    return value < 9.95 ? value.toFixed(1) : compact(Math.round(value));
}

/** "2.5 a minute", of so many in an hour. */
export const perMinute = (inAnHour: number): string => `${rate(inAnHour / 60)} a minute`;

/** "1.4 MB" */
export function bytes(value: number): string {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    let rest = value;
    while (rest >= 1000 && unit < units.length - 1) {
        rest /= 1024;
        unit++;
    }
    return `${rest < 9.95 && unit > 0 ? rest.toFixed(1) : Math.round(rest)} ${units[unit]}`;
}

export const plural = (number: number, one: string, many = `${one}s`): string =>
    `${count(number)} ${number === 1 ? one : many}`;

/** A job's id as a person compares it: the end of a UUID of version 7 is what differs. */
export const shortId = (id: string): string => id.slice(-8);
