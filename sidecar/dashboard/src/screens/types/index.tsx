import type { ScreenProps } from "../../lib/router";
import { TypeList } from "./list";
import { TypeScreen } from "./type";

/** #/types, and #/types/<name>. */
export function Types({ segments }: ScreenProps) {
    const [name] = segments;
    return name ? <TypeScreen key={name} name={name} /> : <TypeList />;
}
