// The next instants of a rule, by the clock of its zone and by the viewer's.
import type { Preview } from "../../lib/api";
import { exact, instantOf, relative, useNow, viewerZone } from "../../lib/time";

const SHAPE: Intl.DateTimeFormatOptions = {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
};
const asUtc = new Intl.DateTimeFormat(undefined, { ...SHAPE, timeZone: "UTC" });
const asViewer = new Intl.DateTimeFormat(undefined, { ...SHAPE, timeZoneName: "short" });

/** "+09:00": by how much the zone's clock is ahead of UTC's at that instant. */
function offset(at: string, local: string): string {
    const minutes = Math.round((instantOf(`${local}Z`) - instantOf(at)) / 60_000);
    const two = (value: number) => String(value).padStart(2, "0");
    return `${minutes < 0 ? "−" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

export function Instants({ preview, zone }: { preview: Preview; zone: string }) {
    const now = useNow(1000);
    const here = zone === viewerZone;
    if (preview.items.length === 0) return <p class="muted">It never comes again.</p>;
    return (
        <table class="instants">
            <thead>
                <tr>
                    <th scope="col">{zone}</th>
                    {!here && <th scope="col">Your time</th>}
                    <th scope="col">
                        <span class="sr-only">From now</span>
                    </th>
                </tr>
            </thead>
            <tbody>
                {preview.items.map((at, index) => {
                    const local = preview.localTimes[index] ?? "";
                    return (
                        <tr key={at}>
                            <td>
                                {asUtc.format(instantOf(`${local}Z`))} <span class="muted">{offset(at, local)}</span>
                            </td>
                            {!here && <td>{asViewer.format(instantOf(at))}</td>}
                            <td>
                                <time dateTime={at} title={exact(at)} class="muted">
                                    {relative(at, now)}
                                </time>
                            </td>
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}
