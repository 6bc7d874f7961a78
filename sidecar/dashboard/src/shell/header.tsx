import { useLocation } from "../lib/router";
import { logOut, session } from "../lib/session";
import { useStore } from "../lib/store";
import { chooseTheme, type Theme, theme } from "../lib/theme";
import { screens } from "../screens";
import { Button } from "../ui/button";
import { Icon, type IconName } from "../ui/icon";
import { Link } from "../ui/parts";
import { LiveDot } from "./connection";
import { Where } from "./where";

function Links() {
    const { segments } = useLocation();
    const here = segments[0] ?? "";
    return (
        <ul>
            {screens
                .filter(screen => screen.icon)
                .map(screen => (
                    <li key={screen.name}>
                        <a href={`#/${screen.name}`} aria-current={screen.name === here ? "page" : undefined}>
                            <Icon name={screen.icon as IconName} />
                            <span>{screen.short ?? screen.title}</span>
                        </a>
                    </li>
                ))}
        </ul>
    );
}

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

export function Header() {
    const { status } = useStore(session);
    return (
        <header class="top">
            <Link to="/" class="brand">
                <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                    <rect width="32" height="32" rx="8" />
                    <path d="M9 21.5V15m7 6.5v-11m7 11v-4" />
                </svg>
                <span>ayb_jobs</span>
            </Link>
            <nav class="nav" aria-label="Screens">
                <Links />
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

/** The same links below, where there is no room above; css shows one of both. */
export function Tabs() {
    return (
        <nav class="tabs" aria-label="Screens">
            <Links />
        </nav>
    );
}
