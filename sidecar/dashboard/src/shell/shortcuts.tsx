// What the keyboard does anywhere on the page: "/" searches, j and k go down and up, "?" says so.
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../ui/dialog";
import { Fact } from "../ui/parts";

const KEYS = [
    ["/", "search"],
    ["j, k", "the next row, the one before"],
    ["Enter", "open it"],
    ["x", "choose it"],
    ["?", "these keys"],
] as const;

/** Who types, or answers a question, means the letter. */
function typing(event: KeyboardEvent): boolean {
    const target = event.target as HTMLElement;
    return (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
        document.querySelector("dialog[open]") !== null
    );
}

const rows = (): HTMLElement[] => Array.from(document.querySelectorAll<HTMLElement>("main tbody tr:not(.space)"));

/** From the row that has the focus, or from the first that is seen. */
function move(by: 1 | -1): void {
    const all = rows();
    const at = all.findIndex(row => row.contains(document.activeElement));
    const seen = all.findIndex(row => row.getBoundingClientRect().bottom > 60);
    const next = all[at < 0 ? Math.max(0, seen) : at + by];
    next?.querySelector<HTMLElement>("a")?.focus();
}

const choose = (): void =>
    rows()
        .find(row => row.contains(document.activeElement))
        ?.querySelector<HTMLElement>("input[type=checkbox]")
        ?.click();

export function Shortcuts() {
    const [open, setOpen] = useState(false);
    useEffect(() => {
        const onKey = (event: KeyboardEvent) => {
            const box = typing(event);
            const known: Record<string, () => void> = {
                "/": () => document.querySelector<HTMLElement>("main input[type=search]")?.focus(),
                j: () => move(1),
                k: () => move(-1),
                x: choose,
                "?": () => setOpen(true),
            };
            const act = box ? undefined : known[event.key];
            if (!act) return;
            event.preventDefault();
            act();
        };
        document.addEventListener("keydown", onKey);
        return () => document.removeEventListener("keydown", onKey);
    }, []);
    if (!open) return null;
    return (
        <Dialog title="Keys" onClose={() => setOpen(false)}>
            <div class="dialog-body">
                <dl class="facts">
                    {KEYS.map(([key, what]) => (
                        <Fact key={key} name={key}>
                            {what}
                        </Fact>
                    ))}
                </dl>
            </div>
        </Dialog>
    );
}
