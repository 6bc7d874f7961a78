// The registered materialized views.
import { useState } from "preact/hooks";
import { api, type JobEvent, type Matview } from "../../lib/api";
import { plural } from "../../lib/format";
import { useQuery } from "../../lib/query";
import { setQuery, useLocation } from "../../lib/router";
import { Button } from "../../ui/button";
import { TextInput } from "../../ui/field";
import { PageHead, Panel } from "../../ui/parts";
import { Empty, Show } from "../../ui/states";
import { Card } from "./card";
import { nameOf } from "./graph";
import { Picture } from "./picture";
import { Register } from "./register";

const isRefresh = (event: JobEvent): boolean => event.type === "materialized_view_refresh";

/** What needs a hand first, then by name. */
const order = (a: Matview, b: Matview): number =>
    Number(b.lastRefreshStatus === "error") - Number(a.lastRefreshStatus === "error") ||
    nameOf(a.schemaName, a.viewName).localeCompare(nameOf(b.schemaName, b.viewName));

export function Matviews() {
    const views = useQuery("matviews", api.matviews.list, { live: isRefresh, every: 3000, throttle: 500 });
    const dependencies = useQuery("dependencies", api.matviews.dependencies, { every: 30_000 });
    const search = useLocation().query.get("q") ?? "";
    const [registering, setRegistering] = useState(false);
    const fits = (view: Matview) => nameOf(view.schemaName, view.viewName).toLowerCase().includes(search.toLowerCase());
    const close = () => setRegistering(false);
    return (
        <>
            <PageHead title="Materialized views" note={views.data && `${plural(views.data.count, "view")} registered`}>
                <div class="view-search">
                    <TextInput
                        type="search"
                        aria-label="Search"
                        placeholder="Search"
                        value={search}
                        onText={q => setQuery({ q })}
                    />
                </div>
                <Button kind="primary" icon="plus" right="admin" onClick={() => setRegistering(true)}>
                    Register
                </Button>
            </PageHead>
            <Panel title="Registered" flush>
                <Show
                    query={views}
                    empty={({ items }) =>
                        items.length === 0 ? (
                            <Empty icon="views" title="No view is registered">
                                A registered view is refreshed by a click, a job or a schedule, and how that went is
                                kept.
                            </Empty>
                        ) : (
                            !items.some(fits) && <Empty icon="search" title={`No view has “${search}” in its name`} />
                        )
                    }
                >
                    {({ items }) => (
                        <ul class="view-cards">
                            {items
                                .filter(fits)
                                .sort(order)
                                .map(view => (
                                    <Card key={view.id} view={view} changed={views.refetch} />
                                ))}
                        </ul>
                    )}
                </Show>
            </Panel>
            {dependencies.data && dependencies.data.count > 0 && (
                <Panel title="Dependencies" note="what is read stands left of what reads it">
                    <Picture dependencies={dependencies.data.items} views={views.data?.items ?? []} />
                </Panel>
            )}
            {registering && (
                <Register
                    onClose={close}
                    onDone={() => {
                        close();
                        views.refetch();
                    }}
                />
            )}
        </>
    );
}
