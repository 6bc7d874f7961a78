import type { ScreenProps } from "../../lib/router";
import { ScheduleList } from "./list";
import { ScheduleScreen } from "./schedule";

/** #/schedules, and #/schedules/<id>. */
export function Schedules({ segments }: ScreenProps) {
    const [id] = segments;
    return id ? <ScheduleScreen key={id} id={id} /> : <ScheduleList />;
}
