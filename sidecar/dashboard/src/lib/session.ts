// Who is here. The token lives as long as the tab does.
import { createStore } from "./store";

export type Session =
    | { status: "asking" } // whether a password is wanted at all
    | { status: "open" } // none is
    | { status: "out" }
    | { status: "in"; token: string }
    | { status: "expired" }; // was in: what is on the page stays, below the question for the password

const KEY = "ayb_jobs.token";

function stored(): string | null {
    try {
        return sessionStorage.getItem(KEY);
    } catch {
        return null; // storage is switched off: the token is in memory alone
    }
}

function store(token: string | null): void {
    try {
        if (token === null) sessionStorage.removeItem(KEY);
        else sessionStorage.setItem(KEY, token);
    } catch {
        // as above
    }
}

const token = stored();
export const session = createStore<Session>(token ? { status: "in", token } : { status: "asking" });

export function logIn(newToken: string): void {
    store(newToken);
    session.set({ status: "in", token: newToken });
}

export function logOut(): void {
    store(null);
    session.set({ status: "out" });
}

/** The server did not take this token any more. A newer one, got meanwhile, stays. */
export function expire(refused: string | undefined): void {
    const now = session.get();
    if (now.status === "in" && now.token === refused) {
        store(null);
        session.set({ status: "expired" });
    } else if (now.status === "open" || now.status === "asking") {
        session.set({ status: "out" });
    }
}
