// What whoever looks may do: the page shows no way to anything else.
import { api } from "./api";
import { session } from "./session";
import { createStore, useStore } from "./store";

const RIGHTS = ["read", "operate", "admin"] as const;
export type Right = (typeof RIGHTS)[number];

export interface Me {
    right: Right;
    name?: string | undefined;
}

// While nobody knows nothing is shown that some may not do.
const LOOKING: Me = { right: "read" };

export const me = createStore<Me>(LOOKING);

/** Whether who has the one may what takes the other. */
export const covers = (has: Right, wanted: Right): boolean => RIGHTS.indexOf(has) >= RIGHTS.indexOf(wanted);

export const useMay = (wanted: Right): boolean => covers(useStore(me).right, wanted);

const AGAIN_MS = 1000;

/** Asks when somebody comes in, until it is answered. */
export function startMe(): void {
    let asked = "";
    const look = () => {
        const now = session.get();
        const who = now.status === "in" ? now.token : now.status;
        if (who === asked || now.status === "expired") return;
        asked = who;
        if (now.status !== "in" && now.status !== "open") return me.set(LOOKING);
        const question = (): void => {
            api.me().then(
                known => {
                    if (asked === who) me.set(known);
                },
                () => {
                    if (asked === who) window.setTimeout(question, AGAIN_MS);
                },
            );
        };
        question();
    };
    session.subscribe(look);
    look();
}
