// Says so when what is on the page may be old.
import { reach } from "../lib/http";
import { live, reconnect } from "../lib/live";
import { useStore } from "../lib/store";
import { span, useDelayed, useNow } from "../lib/time";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";

function useTrouble(): string | undefined {
    const stream = useStore(live);
    const reached = useStore(reach);
    const now = useNow(1000);
    // A hiccup is not worth a word.
    const lost = useDelayed(stream.status === "lost", 1500);
    if (reached === "database") return "The database isn't available. What you see is how it was before.";
    if (reached !== "sidecar" && !lost) return undefined;
    const next = stream.status === "lost" ? Math.ceil((stream.retryAt - now) / 1000) : 0;
    return `The connection to ayb-jobs is gone. Trying again${next > 1 ? ` in ${span(next)}` : " …"}`;
}

export function Connection() {
    const trouble = useTrouble();
    return (
        <div class="connection" role="status">
            {trouble && (
                <div class="connection-bar">
                    <Icon name="lost" />
                    <span>{trouble}</span>
                    <Button small onClick={reconnect}>
                        Try now
                    </Button>
                </div>
            )}
        </div>
    );
}

export function LiveDot() {
    const { status } = useStore(live);
    const reached = useStore(reach);
    const text = status === "live" && reached === "ok" ? "live" : status === "connecting" ? "connecting" : "not live";
    return (
        <span class={`live ${text.replace(" ", "-")}`} title="Whether changes are shown as they happen">
            <span class="live-dot" aria-hidden="true" />
            {text}
        </span>
    );
}
