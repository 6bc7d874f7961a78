// What a list is when it has nothing to show.
import type { ComponentChildren } from "preact";
import type { Query } from "../lib/query";
import { useDelayed } from "../lib/time";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";
import { Link, PageHead } from "./parts";

export function Empty({
    icon = "info",
    title,
    children,
}: {
    icon?: IconName;
    title: string;
    children?: ComponentChildren;
}) {
    return (
        <div class="empty">
            <Icon name={icon} size={24} />
            <p class="empty-title">{title}</p>
            {children && <div class="empty-text">{children}</div>}
        </div>
    );
}

/** Grey lines, but only where it takes long enough to be noticed. */
export function Loading({ rows = 5 }: { rows?: number }) {
    const late = useDelayed(true, 150);
    return (
        <div class="loading" role="status">
            <span class="sr-only">Loading</span>
            {late && Array.from({ length: rows }, (_, row) => <div key={row} class="skeleton" aria-hidden="true" />)}
        </div>
    );
}

export function Failed({ query }: { query: Pick<Query<unknown>, "error" | "refetch"> }) {
    const { error } = query;
    if (!error) return null;
    return (
        <div class="empty failed" role="alert">
            <Icon name="warning" size={24} />
            <p class="empty-title">
                <bdi>{error.message}</bdi>
            </p>
            {(error.details || error.hint) && (
                <div class="empty-text">
                    {error.details && <bdi>{error.details}</bdi>} {error.hint && <bdi>{error.hint}</bdi>}
                </div>
            )}
            <Button icon="retry" onClick={query.refetch}>
                Try again
            </Button>
        </div>
    );
}

interface ShowProps<T> {
    query: Query<T>;
    rows?: number;
    empty?: (data: T) => ComponentChildren | false | null | undefined;
    children: (data: T) => ComponentChildren;
}

/** Loading, failed, empty, or what there is. Old data stays while new is asked for. */
export function Show<T>({ query, rows = 5, empty, children }: ShowProps<T>) {
    if (query.data === undefined) return query.error ? <Failed query={query} /> : <Loading rows={rows} />;
    return <>{empty?.(query.data) || children(query.data)}</>;
}

interface OneProps<T> {
    query: Query<T>;
    title: string; // of the screen while there is nothing: "Flow"
    /** Where all of them are. */
    all: { to: string; label: string };
    note?: ComponentChildren;
    children: (data: T) => ComponentChildren;
}

/** The screen of one thing: what there is, that there is none, or why nobody knows yet. */
export function One<T>({ query, title, all, note, children }: OneProps<T>) {
    const { data, error } = query;
    if (data !== undefined) return <>{children(data)}</>;
    const none = error?.status === 404 || error?.status === 400;
    return (
        <>
            <PageHead title={title} />
            {none ? (
                <Empty icon="search" title={`There is no such ${title.toLowerCase()}`}>
                    {note}
                    <Link to={all.to}>{all.label}</Link>
                </Empty>
            ) : error ? (
                <Failed query={query} />
            ) : (
                <Loading rows={6} />
            )}
        </>
    );
}
