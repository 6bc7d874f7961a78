// Every screen, in the order of the navigation. The first segment of the address is its name.
import type { ComponentType } from "preact";
import type { ScreenProps } from "../lib/router";
import type { IconName } from "../ui/icon";
import { Errors } from "./errors";
import { Flows } from "./flows";
import { Jobs } from "./jobs";
import { Matviews } from "./matviews";
import { Overview } from "./overview";
import { Realtime } from "./realtime";
import { Schedules } from "./schedules";
import { Types } from "./types";
import { Workers } from "./workers";

interface ScreenEntry {
    name: string;
    title: string;
    short?: string; // in the navigation
    icon?: IconName; // without one it isn't in the navigation
    component: ComponentType<ScreenProps>;
}

export const screens: ScreenEntry[] = [
    { name: "", title: "Overview", icon: "overview", component: Overview },
    { name: "jobs", title: "Jobs", icon: "jobs", component: Jobs },
    { name: "flows", title: "Flows", icon: "flows", component: Flows },
    { name: "types", title: "Types", icon: "types", component: Types },
    { name: "errors", title: "Errors", icon: "warning", component: Errors },
    { name: "schedules", title: "Schedules", icon: "schedules", component: Schedules },
    { name: "views", title: "Materialized views", short: "Views", icon: "views", component: Matviews },
    { name: "workers", title: "Workers and lanes", short: "Workers", icon: "workers", component: Workers },
    { name: "realtime", title: "Realtime", icon: "realtime", component: Realtime },
];

export const screenFor = (segments: string[]): ScreenEntry | undefined =>
    screens.find(screen => screen.name === (segments[0] ?? ""));
