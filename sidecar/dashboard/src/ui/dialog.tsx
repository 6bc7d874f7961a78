// The browser's own dialog: it keeps the focus inside, closes on Escape and gives the focus back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { createStore, useStore } from "../lib/store";
import { ActionButton, Button } from "./button";

interface DialogProps {
    title: string;
    children: ComponentChildren;
    wide?: boolean;
    /** Absent where the dialog can't be left. */
    onClose?: () => void;
}

export function Dialog({ title, children, wide, onClose }: DialogProps) {
    const element = useRef<HTMLDialogElement>(null);
    const heading = useId();
    useEffect(() => {
        const dialog = element.current;
        const before = document.activeElement;
        dialog?.showModal();
        return () => {
            dialog?.close();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    return (
        <dialog
            ref={element}
            class={wide ? "dialog wide" : "dialog"}
            aria-labelledby={heading}
            onCancel={event => {
                event.preventDefault();
                onClose?.();
            }}
            onMouseDown={event => {
                if (event.target === event.currentTarget) onClose?.();
            }}
        >
            <div class="dialog-inner">
                <header class="dialog-head">
                    <h2 id={heading}>{title}</h2>
                    {onClose && <Button kind="ghost" icon="cross" label="Close" onClick={onClose} />}
                </header>
                {children}
            </div>
        </dialog>
    );
}

/** What is wrong with a form as a whole; its fields say the rest. */
export function FormError({ error }: { error: string | undefined }) {
    return (
        <div class="field-error" role="alert">
            {error && <bdi>{error}</bdi>}
        </div>
    );
}

/** The end of a form in a dialog. */
export function FormFoot({ action, busy, onClose }: { action: string; busy: boolean; onClose: () => void }) {
    return (
        <footer class="dialog-foot">
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" kind="primary" busy={busy}>
                {action}
            </Button>
        </footer>
    );
}

interface FormDialogProps {
    title: string;
    children: ComponentChildren;
    action: string; // what its button says
    busy: boolean;
    error: string | undefined; // of the form as a whole
    submit: (event: Event) => void;
    onClose: () => void;
}

/** A form of fields, one below the other. */
export function FormDialog({ title, action, busy, error, submit, onClose, children }: FormDialogProps) {
    return (
        <Dialog title={title} onClose={onClose}>
            <form onSubmit={submit} noValidate>
                <div class="dialog-body form">
                    {children}
                    <FormError error={error} />
                </div>
                <FormFoot action={action} busy={busy} onClose={onClose} />
            </form>
        </Dialog>
    );
}

interface Question {
    title: string;
    text: ComponentChildren;
    action: string; // what the button says
    leave?: string; // what the other says, where "Cancel" could mean both
    danger?: boolean;
    run: () => Promise<unknown>;
}

const question = createStore<Question | undefined>(undefined);

/** Asks before it runs something. */
export const ask = (what: Question): void => question.set(what);

export function Questions() {
    const asked = useStore(question);
    if (!asked) return null;
    const close = () => question.set(undefined);
    return (
        <Dialog key={asked.title} title={asked.title} onClose={close}>
            <div class="dialog-body">{asked.text}</div>
            <footer class="dialog-foot">
                <Button onClick={close}>{asked.leave ?? "Cancel"}</Button>
                <ActionButton kind={asked.danger ? "danger" : "primary"} action={() => asked.run().then(close)}>
                    {asked.action}
                </ActionButton>
            </footer>
        </Dialog>
    );
}
