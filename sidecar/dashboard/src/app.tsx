// The frame around the screens: who may in, where one can go, and whether what is seen is still true.
import { useEffect, useRef } from "preact/hooks";
import { api } from "./lib/api";
import { navigate, useLocation } from "./lib/router";
import { session } from "./lib/session";
import { useStore } from "./lib/store";
import { screenFor } from "./screens";
import { Login, LoginAgain } from "./screens/login";
import { Connection } from "./shell/connection";
import { BareHeader, Header, Tabs } from "./shell/header";
import { Shortcuts } from "./shell/shortcuts";
import { Questions } from "./ui/dialog";
import { Link } from "./ui/parts";
import { Empty } from "./ui/states";
import { Toasts } from "./ui/toasts";

/** Whether a password is wanted is asked once; a token that is there says it too. */
function useAsking(): void {
    const { status } = useStore(session);
    useEffect(() => {
        if (status !== "asking") return;
        let timer = 0;
        const question = () =>
            api.status().then(
                ({ auth }) => {
                    if (session.get().status === "asking") session.set({ status: auth ? "out" : "open" });
                },
                () => {
                    timer = window.setTimeout(question, 1000);
                },
            );
        void question();
        return () => window.clearTimeout(timer);
    }, [status]);
}

function NotFound() {
    return (
        <Empty icon="search" title="There is nothing here">
            <Link to="/">Go to the overview</Link>
        </Empty>
    );
}

function Screen() {
    const { path, segments } = useLocation();
    const main = useRef<HTMLElement>(null);
    const first = useRef(true);
    const screen = screenFor(segments);
    // Another screen: a screen reader is told by its heading, and the keyboard goes on from there.
    useEffect(() => {
        document.title = screen ? `${screen.title} · ayb_jobs` : "ayb_jobs";
        if (!first.current) {
            window.scrollTo(0, 0);
            main.current?.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
        }
        first.current = false;
    }, [path]);
    return (
        <main id="main" ref={main} tabIndex={-1}>
            {screen ? <screen.component key={screen.name} segments={segments.slice(1)} /> : <NotFound />}
        </main>
    );
}

export function App() {
    useAsking();
    const { status } = useStore(session);
    const { path } = useLocation();
    useEffect(() => {
        if (path === "/login") navigate("/", {}, { replace: true });
    }, [path]);
    if (status === "asking")
        return (
            <>
                <BareHeader />
                <Connection />
            </>
        );
    if (status === "out") return <Login />;
    return (
        <>
            <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
                Skip to the content
            </button>
            <Header />
            <Connection />
            <Screen />
            <Tabs />
            <Questions />
            <Shortcuts />
            {status === "expired" && <LoginAgain />}
            <Toasts />
        </>
    );
}
