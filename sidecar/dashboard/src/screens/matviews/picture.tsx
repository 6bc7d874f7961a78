// Which view reads which, as a picture; and in words for who can't see it.
import type { Dependency, Matview } from "../../lib/api";
import { type Box, layout, nameOf } from "./graph";

const WIDTH = 200;
const HEIGHT = 34;
const ACROSS = 84;
const DOWN = 16;

const left = (box: Box): number => box.column * (WIDTH + ACROSS);
const top = (box: Box): number => box.row * (HEIGHT + DOWN);

function curve(from: Box, to: Box): string {
    const [x1, y1] = [left(from) + WIDTH, top(from) + HEIGHT / 2];
    const [x2, y2] = [left(to) - 5, top(to) + HEIGHT / 2];
    const bend = Math.max(30, (x2 - x1) / 2);
    return `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function kindOf(view: Matview | undefined): string {
    if (!view) return "unregistered";
    if (view.refreshing) return "refreshing";
    return view.lastRefreshStatus === "error" ? "failed" : "";
}

const shorten = (name: string): string => (name.length > 27 ? `${name.slice(0, 26)}…` : name);

export function Picture({ dependencies, views }: { dependencies: readonly Dependency[]; views: readonly Matview[] }) {
    const { boxes, lines, columns, rows } = layout(dependencies);
    const registered = new Map(views.map(view => [nameOf(view.schemaName, view.viewName), view]));
    const width = columns * (WIDTH + ACROSS) - ACROSS;
    const height = rows * (HEIGHT + DOWN) - DOWN;
    const words = lines.map(({ from, to }) => `${to.name} reads ${from.name}`).join("; ");
    return (
        // It may scroll, so the keyboard has to reach it.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        <section class="picture" aria-label="Which view reads which" tabIndex={0}>
            <svg
                role="img"
                aria-label={words}
                width={width + 4}
                height={height + 4}
                viewBox={`-2 -2 ${width + 4} ${height + 4}`}
            >
                <defs>
                    <marker
                        id="arrow"
                        viewBox="0 0 8 8"
                        refX="6"
                        refY="4"
                        markerWidth="7"
                        markerHeight="7"
                        orient="auto"
                    >
                        <path class="picture-head" d="M0 0 8 4 0 8z" />
                    </marker>
                </defs>
                {lines.map(({ from, to }) => (
                    <path
                        key={`${from.name} ${to.name}`}
                        class="picture-line"
                        d={curve(from, to)}
                        marker-end="url(#arrow)"
                    />
                ))}
                {boxes.map(box => (
                    <g key={box.name} class={`picture-box ${kindOf(registered.get(box.name))}`}>
                        <title>{box.name}</title>
                        <rect x={left(box)} y={top(box)} width={WIDTH} height={HEIGHT} rx={7} />
                        <text x={left(box) + 12} y={top(box) + HEIGHT / 2 + 4}>
                            {shorten(box.name)}
                        </text>
                    </g>
                ))}
            </svg>
        </section>
    );
}
