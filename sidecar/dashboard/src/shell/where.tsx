// What the page is of: database, host and version of the server; and a switch, where there are several.
import { api, type ServedDatabase } from "../lib/api";
import { chooseDatabase, chosenDatabase } from "../lib/database";
import { useQuery } from "../lib/query";
import { Select } from "../ui/field";

const AGAIN_MS = 60_000;

function words({ database, name, host, port, serverVersion, isStandby }: ServedDatabase): string {
    const at = host ? ` at ${host}${port === undefined ? "" : `:${port}`}` : "";
    const version = serverVersion ? `, PostgreSQL ${serverVersion.split(" ")[0]}` : "";
    return `${database ?? name}${at}${version}${isStandby ? ", a standby" : ""}`;
}

export function Where() {
    const databases = useQuery("databases", api.databases, { every: AGAIN_MS });
    const items = databases.data?.items ?? [];
    const here = items.find(({ name, default: first }) => (chosenDatabase ? name === chosenDatabase : first));
    if (!here) return null;
    return (
        <span class="where">
            {items.length > 1 && (
                <Select
                    aria-label="Database"
                    value={here.name}
                    options={items.map(({ name, status }) => ({
                        value: name,
                        label: status === "ok" ? name : `${name} (away)`,
                    }))}
                    onChange={name => chooseDatabase(items.find(item => item.name === name)?.default ? "" : name)}
                />
            )}
            <bdi class="where-words" title={words(here)}>
                {words(here)}
            </bdi>
        </span>
    );
}
