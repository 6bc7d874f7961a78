import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../lib/api";
import { ApiError } from "../lib/http";
import { logIn, logOut } from "../lib/session";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, TextInput } from "../ui/field";

function explain(error: unknown): string {
    if (!(error instanceof ApiError)) return String(error);
    if (error.status === 401) return "That isn't the password, nor a token.";
    if (error.status === 404)
        return "No password is configured. Start ayb-jobs with AYB_JOBS_PASSWORD, or with --password-file.";
    if (error.status === 429) return "Too many attempts. Wait for a minute.";
    return error.message;
}

/** Somebody may have been given a token instead of the password. */
async function tokenFor(text: string): Promise<string> {
    try {
        return (await api.logIn(text)).token;
    } catch (error) {
        const refused = error instanceof ApiError && (error.status === 401 || error.status === 404);
        if (!refused || !/^[\w.-]{20,}$/.test(text)) throw error;
        await api.me(text).catch(() => {
            throw error;
        });
        return text;
    }
}

function LoginForm({ action }: { action: string }) {
    const [error, setError] = useState<string>();
    const [busy, setBusy] = useState(false);
    const form = useRef<HTMLFormElement>(null);
    const password = (): HTMLInputElement | null | undefined => form.current?.querySelector("input[type=password]");
    useEffect(() => password()?.focus(), []);
    const submit = (event: Event) => {
        event.preventDefault();
        if (busy) return;
        setBusy(true);
        tokenFor(password()?.value ?? "").then(
            token => logIn(token),
            failure => {
                setError(explain(failure));
                setBusy(false);
                password()?.select();
            },
        );
    };
    return (
        <form ref={form} class="login-form" onSubmit={submit}>
            {/* For the browser's own keeper of passwords. */}
            <input
                class="sr-only"
                type="text"
                name="username"
                autocomplete="username"
                value="admin"
                readOnly
                tabIndex={-1}
                aria-hidden="true"
            />
            <Field label="Password or token" error={error}>
                {ties => (
                    <TextInput {...ties} type="password" name="password" autocomplete="current-password" required />
                )}
            </Field>
            <Button type="submit" kind="primary" busy={busy}>
                {action}
            </Button>
        </form>
    );
}

export function Login() {
    useEffect(() => {
        document.title = "Log in · ayb_jobs";
    }, []);
    return (
        <main class="login">
            <div class="login-card">
                <svg width="36" height="36" viewBox="0 0 32 32" aria-hidden="true" focusable="false" class="login-mark">
                    <rect width="32" height="32" rx="8" />
                    <path d="M9 21.5V15m7 6.5v-11m7 11v-4" />
                </svg>
                <h1>ayb_jobs</h1>
                <p class="muted">Jobs, schedules and materialized views of this database.</p>
                <LoginForm action="Log in" />
            </div>
        </main>
    );
}

/** Over the page, which stays as it is: who logs in again goes on where he was. */
export function LoginAgain() {
    return (
        <Dialog title="Your session has ended">
            <div class="dialog-body">
                <p>Log in again to go on where you were.</p>
                <LoginForm action="Go on" />
                <p class="login-leave">
                    <Button kind="ghost" small onClick={logOut}>
                        Leave instead
                    </Button>
                </p>
            </div>
        </Dialog>
    );
}
