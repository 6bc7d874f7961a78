// Every screen, in the order of the navigation. The first segment of the address is its name.
import type { ComponentType } from "preact";
import type { ScreenProps } from "../lib/router";
import type { IconName } from "../ui/icon";
import { Jobs } from "./jobs";
import { Matviews } from "./matviews";
import { Overview } from "./overview";
import { Schedules } from "./schedules";
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
    { name: "schedules", title: "Schedules", icon: "schedules", component: Schedules },
    { name: "views", title: "Materialized views", short: "Views", icon: "views", component: Matviews },
    { name: "workers", title: "Workers and lanes", short: "Workers", icon: "workers", component: Workers },
];

export const screenFor = (segments: string[]): ScreenEntry | undefined =>
    screens.find(screen => screen.name === (segments[0] ?? ""));
