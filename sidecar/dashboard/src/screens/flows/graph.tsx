// A flow as a picture: each step right of those that it waits for, in columns, ordered so that few lines cross. Loaded
// where a flow is looked at, and nowhere else, with what lays it out.
import { Graph, layout } from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";
import { type FlowLine, type FlowNode, type FlowShape, stateOf, stateWords } from "../../lib/flow-steps";
import { shortId } from "../../lib/format";
import { Link } from "../../ui/parts";

const WIDTH = 184;
const HEIGHT = 50;

interface Point {
    x: number;
    y: number;
}

interface Drawn {
    width: number;
    height: number;
    boxes: { node: FlowNode; at: Point }[];
    lines: (FlowLine & { points: Point[] })[];
}

/** Each as far to the left as what it waits for allows: dagre's own ways move it to where its lines are short. */
function earliest(graph: Graph): void {
    const rankOf = (name: string): number => {
        const node = graph.node(name) as { rank?: number };
        node.rank ??= Math.max(
            0,
            ...(graph.inEdges(name) ?? []).map(edge => rankOf(edge.v) + (graph.edge(edge).minlen ?? 1)),
        );
        return node.rank;
    };
    graph.nodes().forEach(rankOf);
}

function draw({ nodes, lines }: FlowShape): Drawn {
    const graph = new Graph();
    // Its types know a ranker by name alone.
    const ranker = earliest as unknown as string;
    graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 56, marginx: 2, marginy: 2, ranker });
    for (const { key } of nodes) graph.setNode(key, { width: WIDTH, height: HEIGHT });
    for (const { from, to } of lines) graph.setEdge(from, to, {});
    layout(graph);
    const { width = 0, height = 0 } = graph.graph();
    const boxes = nodes.map(node => {
        const { x = 0, y = 0 } = graph.node(node.key);
        return { node, at: { x: x - WIDTH / 2, y: y - HEIGHT / 2 } };
    });
    // As one reads them, and as the keyboard goes through them: column by column.
    boxes.sort((a, b) => a.at.x - b.at.x || a.at.y - b.at.y);
    const at = new Map(boxes.map(box => [box.node.key, box.at]));
    // From the right of the one to the left of the other; between them as dagre leads it round what stands there.
    const pointsOf = ({ from, to }: FlowLine): Point[] => {
        const [left, right] = [at.get(from) as Point, at.get(to) as Point];
        return [
            { x: left.x + WIDTH, y: left.y + HEIGHT / 2 },
            ...(graph.edge(from, to).points ?? []).slice(1, -1),
            { x: right.x, y: right.y + HEIGHT / 2 },
        ];
    };
    return { width, height, boxes, lines: lines.map(line => ({ ...line, points: pointsOf(line) })) };
}

/** From point to point, level at each. */
function curve([first, ...rest]: readonly Point[]): string {
    if (!first) return "";
    let { x, y } = first;
    const parts = rest.map(point => {
        const middle = (x + point.x) / 2;
        const part = `C${middle} ${y} ${middle} ${point.y} ${point.x} ${point.y}`;
        ({ x, y } = point);
        return part;
    });
    return `M${first.x} ${first.y}${parts.join("")}`;
}

const nameOf = ({ steps }: FlowNode): string => {
    const [first] = steps;
    if (!first) return "";
    return steps.length > 1 ? `${steps.length} × ${first.type}` : (first.name ?? shortId(first.jobId));
};

function Box({ node, at }: { node: FlowNode; at: Point }) {
    const [first] = node.steps;
    const inside = (
        <>
            <bdi class="flow-box-name">{nameOf(node)}</bdi>
            <span class="flow-box-state">
                {stateWords(node)}
                {node.steps.length === 1 && first?.type && (
                    <>
                        {" · "}
                        <bdi>{first.type}</bdi>
                    </>
                )}
            </span>
        </>
    );
    const place = { left: `${at.x}px`, top: `${at.y}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` };
    return (
        <li class={`flow-box ${stateOf(node)}`} style={place} title={`${nameOf(node)}: ${stateWords(node)}`}>
            {first && node.steps.length === 1 ? <Link to={`/jobs/${first.jobId}`}>{inside}</Link> : <div>{inside}</div>}
        </li>
    );
}

export function FlowGraph({ shape }: { shape: FlowShape }) {
    const key = JSON.stringify([shape.nodes.map(node => node.key), shape.lines]);
    const drawn = useMemo(() => draw(shape), [key]);
    const states = new Map(shape.nodes.map(node => [node.key, node]));
    return (
        // It may scroll, so the keyboard has to reach it.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        <section class="flow-graph" aria-label="The flow as a picture" tabIndex={0}>
            <div class="flow-paper" style={{ width: `${drawn.width}px`, height: `${drawn.height}px` }}>
                <svg width={drawn.width} height={drawn.height} aria-hidden="true" focusable="false">
                    {drawn.lines.map(({ from, to, points }) => {
                        const parent = states.get(from);
                        return (
                            <path
                                key={`${from} ${to}`}
                                class={`flow-line ${parent ? stateOf(parent) : ""}`}
                                d={curve(points)}
                            />
                        );
                    })}
                </svg>
                <ol>
                    {drawn.boxes.map(({ node, at }) => (
                        <Box key={node.key} node={states.get(node.key) ?? node} at={at} />
                    ))}
                </ol>
            </div>
        </section>
    );
}
