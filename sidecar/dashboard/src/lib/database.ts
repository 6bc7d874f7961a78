// Of which of the sidecar's databases the page is; "" is the first. As long as the tab lives.
const KEY = "ayb_jobs.database";

function stored(): string {
    try {
        return sessionStorage.getItem(KEY) ?? "";
    } catch {
        return ""; // storage is switched off
    }
}

export const chosenDatabase = stored();

/** All that is shown is another one's then, so the page begins anew. */
export function chooseDatabase(name: string): void {
    try {
        sessionStorage.setItem(KEY, name);
    } catch {
        return;
    }
    window.location.reload();
}
