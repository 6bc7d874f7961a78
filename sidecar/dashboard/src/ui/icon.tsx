// Small drawings, 16 px, in the colour of the text.
const PATHS = {
    overview: "M2.5 13.5V9m3.7 4.5V4.5m3.7 9V7m3.6 6.5V2.5",
    jobs: "M5.5 4h8m-8 4h8m-8 4h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
    flows: "M2.5 3h4v3.5h-4zM9.5 9.5h4V13h-4zM4.5 6.5v4.75h5",
    types: "M2.5 3.5h4.5v4.5H2.5zM9 3.500h4.5v4.5H9zM2.500 10h4.5v3H2.500zM9 10h4.5v3H9z",
    schedules: "M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z",
    views: "M2.5 4.5 8 2l5.5 2.5L8 7 2.5 4.5Zm0 3.5L8 10.5 13.5 8m-11 3.5L8 14l5.5-2.5",
    workers: "M4.5 4.5h7v7h-7zM6.5 2v2.5m3-2.5v2.5m-3 7V14m3-2.5V14M2 6.5h2.5m-2.5 3h2.5m7-3H14m-2.5 3H14",
    realtime:
        "M4.2 11.8a5.4 5.4 0 0 1 0-7.6m7.6 0a5.4 5.4 0 0 1 0 7.6M6.2 9.8a2.5 2.5 0 0 1 0-3.6m3.6 0a2.5 2.5 0 0 1 0 3.6",
    check: "m3 8.5 3.2 3.2L13 4.8",
    cross: "m4 4 8 8m0-8-8 8",
    warning: "M8 6v3m0 2.5h.01M7.1 2.8 1.8 12a1 1 0 0 0 .9 1.5h10.6a1 1 0 0 0 .9-1.5L8.9 2.8a1 1 0 0 0-1.8 0Z",
    info: "M8 7.5v3.5M8 5h.01M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z",
    clock: "M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z",
    play: "M4.5 2.8v10.4L13 8 4.5 2.8Z",
    pause: "M5.5 3v10m5-10v10",
    retry: "M13.5 3v3.5H10M13.2 6.5A5.7 5.7 0 1 0 13.6 9.500",
    stop: "M5 2.500h6L13.500 5v6L11 13.500H5L2.500 11V5L5 2.500Zm.5 3 5 5m0-5-5 5",
    trash: "M2.500 4.5h11m-7-2h3m-5.500 2 .5 9h7l.5-9m-5 2.500v4m2-4v4",
    plus: "M8 3v10M3 8h10",
    copy: "M5.500 5.500h8v8h-8zM3 10.500h-.500v-8h8V3",
    search: "m10.500 10.500 3.500 3.500M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0Z",
    down: "m4 6 4 4 4-4",
    right: "m6 4 4 4-4 4",
    left: "m10 4-4 4 4 4",
    more: "M3.500 8h.01M8 8h.01m4.490 0h.01",
    sun: "M8 1.500v1.500m0 10v1.500M1.500 8H3m10 0h1.500M3.400 3.400l1.100 1.100m7 7 1.100 1.100m0-9.200-1.100 1.100m-7 7-1.100 1.100M10.800 8a2.800 2.800 0 1 1-5.600 0 2.800 2.800 0 0 1 5.600 0Z",
    moon: "M13.500 9.600A5.800 5.800 0 0 1 6.400 2.500a5.800 5.800 0 1 0 7.100 7.100Z",
    auto: "M8 2v12M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM8 4l4 1.500M8 7h5.500M8 10l5 .5",
    exit: "M6 2.500H3v11h3M7 8h6.500m-2.700-2.700L13.500 8l-2.700 2.700",
    edit: "m10.500 3 2.500 2.500-7.500 7.500H3v-2.500L10.500 3Z",
    lost: "M2 6.500a9 9 0 0 1 12 0M4.200 9a5.800 5.800 0 0 1 7.600 0M8 12.500h.01M2.500 2.500l11 11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
    return (
        <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} />
        </svg>
    );
}
