// Which colours somebody chose. It knows nothing else of the page: it is asked before the rest is loaded.
export type Theme = "auto" | "light" | "dark";
const KEY = "ayb_jobs.theme";

export function storedTheme(): Theme {
    try {
        const value = localStorage.getItem(KEY);
        return value === "light" || value === "dark" ? value : "auto";
    } catch {
        return "auto";
    }
}

export function storeTheme(next: Theme): void {
    try {
        if (next === "auto") localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, next);
    } catch {
        // then it lasts as long as the page
    }
}

/** Says it to the styles. */
export function markTheme(theme: Theme = storedTheme()): void {
    document.documentElement.dataset.theme = theme;
}
