// Who listens to changes of which tables, by this sidecar, and ending somebody's stream.
import { api, type Listener } from "../lib/api";
import { plural } from "../lib/format";
import { useQuery } from "../lib/query";
import { toast } from "../lib/toast";
import { Button } from "../ui/button";
import { ask } from "../ui/dialog";
import { Ago, Badge, PageHead, Panel, Since } from "../ui/parts";
import { Empty, Show } from "../ui/states";
import { type Column, Table } from "../ui/table";

function confirmDisconnect({ clientId, userId }: Listener, done: () => void): void {
    ask({
        title: "End this stream?",
        text: (
            <p>
                The stream <code>{clientId}</code> of <bdi class="strong">{userId}</bdi> ends. A browser may come back
                as long as its token is good.
            </p>
        ),
        action: "End the stream",
        leave: "Leave it",
        danger: true,
        run: () =>
            api.realtime.disconnect(clientId).then(() => {
                toast.done(`Stream ${clientId} ended`);
                done();
            }),
    });
}

const columns = (changed: () => void): Column<Listener>[] => [
    {
        key: "user",
        label: "User",
        role: "main",
        cell: ({ userId, clientId }) => (
            <>
                <bdi class="strong">{userId}</bdi> <code class="muted">{clientId}</code>
            </>
        ),
    },
    { key: "tables", label: "Tables", role: "wide", cell: ({ tables }) => <bdi>{tables.join(", ")}</bdi> },
    { key: "address", label: "From", cell: ({ address }) => <code>{address}</code> },
    { key: "since", label: "For", cell: ({ connectedAt }) => <Since at={connectedAt} /> },
    {
        key: "last",
        label: "Last change",
        cell: ({ behind, lastActivityAt }) =>
            behind ? (
                <Badge tone="failed" icon="warning">
                    too slow
                </Badge>
            ) : (
                <Ago at={lastActivityAt} />
            ),
    },
    { key: "end", label: "Token ends", cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
    {
        key: "actions",
        label: "Actions",
        quiet: true,
        role: "actions",
        cell: listener => (
            <Button small icon="stop" right="operate" onClick={() => confirmDisconnect(listener, changed)}>
                End
            </Button>
        ),
    },
];

export function Realtime() {
    const streams = useQuery("realtime", api.realtime.connections, { every: 2000 });
    return (
        <>
            <PageHead title="Realtime" note="Who is told of changes, and of which tables." />
            <Panel title="Streams" note={streams.data && plural(streams.data.count, "stream")} flush>
                <Show
                    query={streams}
                    empty={({ count }) =>
                        count === 0 && (
                            <Empty icon="realtime" title="Nobody listens">
                                Users of the application do, at /api/realtime, to tables that enable_realtime() was
                                called for.
                            </Empty>
                        )
                    }
                >
                    {({ items }) => (
                        <Table
                            label="Streams"
                            columns={columns(streams.refetch)}
                            rows={items}
                            keyOf={({ clientId }) => clientId}
                        />
                    )}
                </Show>
            </Panel>
        </>
    );
}
