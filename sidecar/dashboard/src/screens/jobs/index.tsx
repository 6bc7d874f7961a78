import type { ScreenProps } from "../../lib/router";
import { JobScreen } from "./job";
import { JobsScreen } from "./list";

/** #/jobs, and #/jobs/<id>. */
export function Jobs({ segments }: ScreenProps) {
    const [id] = segments;
    return id ? <JobScreen key={id} id={id} /> : <JobsScreen />;
}
