// What just happened, said once, below; with a way back where there is one.
import { useStore } from "../lib/store";
import { dismiss, hold, toasts } from "../lib/toast";
import { Button } from "./button";
import { Icon } from "./icon";

export function Toasts() {
    const all = useStore(toasts);
    return (
        <section class="toasts" aria-label="Notifications" aria-live="polite">
            {all.map(({ id, text, detail, failed, undo }) => (
                <div
                    key={id}
                    class={`toast ${failed ? "failed" : "done"}`}
                    role={failed ? "alert" : undefined}
                    onPointerEnter={() => hold(id, true)}
                    onPointerLeave={() => hold(id, false)}
                    onFocusIn={() => hold(id, true)}
                    onFocusOut={() => hold(id, false)}
                >
                    <Icon name={failed ? "warning" : "check"} />
                    <div class="toast-text">
                        <bdi>{text}</bdi>
                        {detail && <bdi class="toast-detail">{detail}</bdi>}
                    </div>
                    {undo && (
                        <Button
                            small
                            onClick={() => {
                                dismiss(id);
                                undo();
                            }}
                        >
                            Undo
                        </Button>
                    )}
                    <Button small kind="ghost" icon="cross" label="Dismiss" onClick={() => dismiss(id)} />
                </div>
            ))}
        </section>
    );
}
