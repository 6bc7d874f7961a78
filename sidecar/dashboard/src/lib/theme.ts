// Light, dark, or as the system has it.
import { createStore } from "./store";

export type Theme = "auto" | "light" | "dark";
const KEY = "ayb_jobs.theme";

function stored(): Theme {
    try {
        const value = localStorage.getItem(KEY);
        return value === "light" || value === "dark" ? value : "auto";
    } catch {
        return "auto";
    }
}

export const theme = createStore<Theme>(stored());
const system = window.matchMedia("(prefers-color-scheme: dark)");

/** What is seen: charts have to know, since they are painted. */
export const shade = createStore<"light" | "dark">("light");

function apply(): void {
    const chosen = theme.get();
    document.documentElement.dataset.theme = chosen;
    shade.set(chosen === "auto" ? (system.matches ? "dark" : "light") : chosen);
}

export function chooseTheme(next: Theme): void {
    try {
        if (next === "auto") localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, next);
    } catch {
        // then it lasts as long as the page
    }
    theme.set(next);
}

apply();
theme.subscribe(apply);
system.addEventListener("change", apply);
