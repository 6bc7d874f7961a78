// A few numbers as a line, newest at the right; what would flatten the others is cut.
import { ceiling } from "../lib/axis";

interface SparklineProps {
    values: readonly number[];
    label: string; // what a screen reader says
    width?: number;
    height?: number;
}

export function Sparkline({ values, label, width = 96, height = 22 }: SparklineProps) {
    if (values.length === 0) return <span class="muted">–</span>;
    const top = Math.max(ceiling(values), Number.MIN_VALUE);
    const step = values.length > 1 ? (width - 6) / (values.length - 1) : 0;
    const points = values.map((value, at): [number, number] => [
        3 + at * step,
        height - 3 - Math.min(1, value / top) * (height - 6),
    ]);
    const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    const [lastX, lastY] = points[points.length - 1] as [number, number];
    return (
        <svg
            class="sparkline"
            role="img"
            aria-label={label}
            width={width}
            height={height}
            viewBox={`0 0 ${width} ${height}`}
        >
            <title>{label}</title>
            {points.length > 1 && <polygon points={`3,${height - 2} ${line} ${lastX.toFixed(1)},${height - 2}`} />}
            <polyline points={line} />
            <circle cx={lastX} cy={lastY} r={2} />
        </svg>
    );
}
