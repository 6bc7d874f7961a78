// Light, dark, or as the system has it.
import { markTheme, storedTheme, storeTheme, type Theme } from "./shade";
import { createStore } from "./store";

export type { Theme } from "./shade";

export const theme = createStore<Theme>(storedTheme());
const system = window.matchMedia("(prefers-color-scheme: dark)");

/** What is seen: charts have to know, since they are painted. */
export const shade = createStore<"light" | "dark">("light");

function apply(): void {
    const chosen = theme.get();
    markTheme(chosen);
    shade.set(chosen === "auto" ? (system.matches ? "dark" : "light") : chosen);
}

export function chooseTheme(next: Theme): void {
    storeTheme(next);
    theme.set(next);
}

apply();
theme.subscribe(apply);
system.addEventListener("change", apply);
