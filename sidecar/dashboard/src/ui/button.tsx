import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Right, useMay } from "../lib/me";
import { toast } from "../lib/toast";
import { Icon, type IconName } from "./icon";

interface ButtonProps {
    children?: ComponentChildren;
    icon?: IconName;
    kind?: "plain" | "primary" | "danger" | "ghost";
    /** For a button that shows its icon alone. */
    label?: string;
    small?: boolean;
    busy?: boolean;
    disabled?: boolean;
    type?: "button" | "submit";
    pressed?: boolean;
    expanded?: boolean;
    title?: string;
    /** What it takes to do it: who has less doesn't see the button. */
    right?: Right;
    onClick?: (event: MouseEvent) => void;
}

/** A busy button stays where it is and keeps the focus, but does nothing. */
export function Button(props: ButtonProps) {
    const { children, icon, kind = "plain", label, small, busy, disabled, type = "button", onClick } = props;
    const may = useMay(props.right ?? "read");
    const shape = `${small ? " small" : ""}${children === undefined ? " square" : ""}`;
    const attributes: JSX.IntrinsicElements["button"] = {
        type,
        class: `button ${kind}${shape}`,
        "aria-label": label,
        title: props.title ?? (children === undefined ? label : undefined),
        "aria-busy": busy || undefined,
        "aria-disabled": busy || disabled || undefined,
        "aria-pressed": props.pressed,
        "aria-expanded": props.expanded,
        onClick: event => {
            if (busy || disabled) event.preventDefault();
            else onClick?.(event);
        },
    };
    if (!may) return null;
    return (
        <button {...attributes}>
            {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
            {children !== undefined && <span>{children}</span>}
        </button>
    );
}

/** Runs something that may fail, busy meanwhile; a failure is told in a toast. */
export function ActionButton({
    action,
    ...rest
}: Omit<ButtonProps, "busy" | "onClick"> & { action: () => Promise<unknown> }) {
    const [busy, setBusy] = useState(false);
    const run = () => {
        setBusy(true);
        action()
            .catch(toast.failure)
            .finally(() => setBusy(false));
    };
    return <Button {...rest} busy={busy} onClick={run} />;
}

export function CopyButton({
    text,
    label = "Copy",
    children,
}: {
    text: string | (() => string);
    label?: string;
    children?: ComponentChildren;
}) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done) return;
        const timer = window.setTimeout(() => setDone(false), 1500);
        return () => window.clearTimeout(timer);
    }, [done]);
    const copy = () => {
        const value = typeof text === "string" ? text : text();
        writeClipboard(value).then(() => setDone(true), toast.failure);
    };
    return (
        <>
            <Button small kind="ghost" icon={done ? "check" : "copy"} label={label} onClick={copy}>
                {children}
            </Button>
            <span class="sr-only" role="status">
                {done ? "Copied" : ""}
            </span>
        </>
    );
}

async function writeClipboard(text: string): Promise<void> {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Plain http on another host than this one: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr-only";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("the browser doesn't let this page copy");
}
