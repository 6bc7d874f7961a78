import type { ScreenProps } from "../../lib/router";
import { FlowScreen } from "./flow";
import { FlowList } from "./list";

/** #/flows, and #/flows/<id>. */
export function Flows({ segments }: ScreenProps) {
    const [id] = segments;
    return id ? <FlowScreen key={id} id={id} /> : <FlowList />;
}
