import { useEffect, useState } from "preact/hooks";
import { useLocation } from "../lib/router";
import { logOut, session } from "../lib/session";
import { useStore } from "../lib/store";
import { chooseTheme, type Theme, theme } from "../lib/theme";
import { screens } from "../screens";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Icon, type IconName } from "../ui/icon";
import { Link } from "../ui/parts";
import { LiveDot } from "./connection";
import { Where } from "./where";

type Listed = (typeof screens)[number];

const useHere = (): string => useLocation().segments[0] ?? "";

function ScreenLink({ screen, long }: { screen: Listed; long?: boolean }) {
    return (
        <a href={`#/${screen.name}`} aria-current={screen.name === useHere() ? "page" : undefined}>
            <Icon name={screen.icon as IconName} />
            <span>{long ? screen.title : (screen.short ?? screen.title)}</span>
        </a>
    );
}

const listed = screens.filter(screen => screen.icon);

const NEXT: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
const THEMES: Record<Theme, { icon: IconName; label: string }> = {
    auto: { icon: "auto", label: "Colours: as the system has them" },
    light: { icon: "sun", label: "Colours: light" },
    dark: { icon: "moon", label: "Colours: dark" },
};

function ThemeButton() {
    const chosen = useStore(theme);
    return <Button kind="ghost" {...THEMES[chosen]} onClick={() => chooseTheme(NEXT[chosen])} />;
}

function Brand() {
    return (
        <>
            <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                <rect width="32" height="32" rx="8" />
                <path d="M9 21.5V15m7 6.5v-11m7 11v-4" />
            </svg>
            <span>ayb_jobs</span>
        </>
    );
}

/** What index.html has, while nobody knows who is here. */
export function BareHeader() {
    return (
        <header class="top">
            <span class="brand">
                <Brand />
            </span>
        </header>
    );
}

export function Header() {
    const { status } = useStore(session);
    return (
        <header class="top">
            <Link to="/" class="brand">
                <Brand />
            </Link>
            <nav class="nav" aria-label="Screens">
                <ul>
                    {listed.map(screen => (
                        <li key={screen.name}>
                            <ScreenLink screen={screen} />
                        </li>
                    ))}
                </ul>
            </nav>
            <div class="top-end">
                <Where />
                <LiveDot />
                <ThemeButton />
                {status === "in" && <Button kind="ghost" icon="exit" label="Log out" onClick={logOut} />}
            </div>
        </header>
    );
}

// As many as a thumb tells apart on the narrowest phone; the others are one touch further.
const FIRST = ["", "jobs", "errors", "schedules"];

/** The same links below, where there is no room above; css shows one of both. */
export function Tabs() {
    const [open, setOpen] = useState(false);
    const here = useHere();
    const others = listed.filter(({ name }) => !FIRST.includes(name));
    useEffect(() => setOpen(false), [here]);
    return (
        <>
            <nav class="tabs" aria-label="Screens">
                <ul>
                    {FIRST.flatMap(name => listed.filter(screen => screen.name === name)).map(screen => (
                        <li key={screen.name}>
                            <ScreenLink screen={screen} />
                        </li>
                    ))}
                    <li>
                        <button
                            type="button"
                            class={others.some(({ name }) => name === here) ? "here" : ""}
                            aria-haspopup="dialog"
                            aria-expanded={open}
                            onClick={() => setOpen(true)}
                        >
                            <Icon name="more" />
                            <span>More</span>
                        </button>
                    </li>
                </ul>
            </nav>
            {open && (
                <Dialog title="More screens" onClose={() => setOpen(false)}>
                    <ul class="more-screens">
                        {others.map(screen => (
                            <li key={screen.name}>
                                <ScreenLink screen={screen} long />
                            </li>
                        ))}
                    </ul>
                </Dialog>
            )}
        </>
    );
}
