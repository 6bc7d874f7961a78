// What is drawn of a flow's steps: which wait for which, and of many that are alike one box.
import type { Step } from "./api";

export interface FlowNode {
    key: string;
    steps: Step[]; // of the same type, with the same parents and children
}

export interface FlowLine {
    from: string;
    to: string;
}

export interface FlowShape {
    nodes: FlowNode[];
    lines: FlowLine[];
}

const FEW = 40; // steps of which each has a box of its own
const ALIKE = 4; // that so many are alike is worth a box together
const MOST = 150; // boxes, beyond which nobody sees anything

type Kin = Map<Step, Step[]>;

/** The steps that each waits for. What waits for all others waits for those that nobody else waits for. */
function parentsOf(steps: readonly Step[]): Kin {
    const byName = new Map(steps.flatMap(step => (step.name === undefined ? [] : [[step.name, step] as const])));
    const isLast = (step: Step) => step.dependsOn?.[0] === "*";
    const parents: Kin = new Map();
    const waitedFor = new Set<Step>();
    for (const step of steps) {
        if (isLast(step)) continue;
        const mine = (step.dependsOn ?? []).flatMap(name => byName.get(name) ?? []);
        parents.set(step, mine);
        for (const parent of mine) waitedFor.add(parent);
    }
    const ends = steps.filter(step => !isLast(step) && !waitedFor.has(step));
    for (const step of steps) if (isLast(step)) parents.set(step, ends);
    return parents;
}

function childrenOf(parents: Kin): Kin {
    const children: Kin = new Map();
    for (const [step, some] of parents)
        for (const parent of some) {
            const mine = children.get(parent);
            if (mine) mine.push(step);
            else children.set(parent, [step]);
        }
    return children;
}

function by<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
    const groups = new Map<string, T[]>();
    for (const one of all) {
        const group = groups.get(key(one));
        if (group) group.push(one);
        else groups.set(key(one), [one]);
    }
    return groups;
}

const ids = (steps: readonly Step[] | undefined): string => (steps ?? []).map(({ jobId }) => jobId).join();

function grouped(steps: readonly Step[], parents: Kin): FlowNode[] {
    const children = childrenOf(parents);
    const alike = by(steps, step => `${step.type} ${ids(parents.get(step))} ${ids(children.get(step))}`);
    return [...alike.values()].flatMap(some =>
        some.length < ALIKE
            ? some.map(step => ({ key: step.jobId, steps: [step] }))
            : [{ key: some[0]?.jobId ?? "", steps: some }],
    );
}

/** Undefined where there is nothing to draw, or too much. */
export function shapeOf(steps: readonly Step[]): FlowShape | undefined {
    const parents = parentsOf(steps);
    const nodes =
        steps.length <= FEW ? steps.map(step => ({ key: step.jobId, steps: [step] })) : grouped(steps, parents);
    if (nodes.length < 2 || nodes.length > MOST) return undefined;
    const nodeOf = new Map(nodes.flatMap(node => node.steps.map(step => [step, node.key] as const)));
    const lines = new Map<string, FlowLine>();
    for (const [step, some] of parents) {
        const to = nodeOf.get(step) ?? "";
        for (const parent of some) {
            const from = nodeOf.get(parent) ?? "";
            lines.set(`${from} ${to}`, { from, to });
        }
    }
    return { nodes, lines: [...lines.values()] };
}

// What a box of several is, when they aren't all the same: the first of these that one of them is.
const TELLING = ["failed", "running", "queued", "canceled", "gone", "completed"] as const;

export const stateOf = ({ steps }: FlowNode): Step["state"] =>
    TELLING.find(state => steps.some(step => step.state === state)) ?? "queued";

/** "running"; of several "380 completed, 20 failed". */
export function stateWords({ steps }: FlowNode): string {
    const [first] = steps;
    if (first && steps.length === 1) return first.state === "queued" ? (first.phase ?? "queued") : first.state;
    const counts = by(steps, step => step.state);
    return TELLING.flatMap(state => {
        const number = counts.get(state)?.length ?? 0;
        return number > 0 ? [`${number} ${state}`] : [];
    }).join(", ");
}
