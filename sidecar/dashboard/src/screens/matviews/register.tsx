// Registering one of the views that are there.
import { useState } from "preact/hooks";
import { type AvailableView, api, type Matview, type RefreshMode } from "../../lib/api";
import { ApiError } from "../../lib/http";
import { useQuery } from "../../lib/query";
import { toast } from "../../lib/toast";
import { Dialog, FormFoot } from "../../ui/dialog";
import { Choice, Field, TextInput } from "../../ui/field";
import { Badge } from "../../ui/parts";
import { Empty, Show } from "../../ui/states";
import { nameOf } from "./graph";

export const MODES: { value: RefreshMode; label: string }[] = [
    { value: "standard", label: "standard" },
    { value: "concurrent", label: "concurrent" },
];

function Choices({
    views,
    chosen,
    onChoose,
}: {
    views: AvailableView[];
    chosen: string;
    onChoose: (name: string) => void;
}) {
    return (
        <fieldset class="view-choices">
            <legend class="sr-only">View</legend>
            {views.map(view => {
                const name = nameOf(view.schemaName, view.viewName);
                return (
                    <label key={name} class={name === chosen ? "chosen" : ""}>
                        <input type="radio" name="view" checked={name === chosen} onChange={() => onChoose(name)} />
                        <span class="view-name">
                            <bdi>{name}</bdi>
                        </span>
                        {!view.populated && <Badge tone="warning">not populated</Badge>}
                        <bdi class="muted">{view.owner}</bdi>
                    </label>
                );
            })}
        </fieldset>
    );
}

interface RegisterProps {
    onClose: () => void;
    onDone: (view: Matview) => void;
}

export function Register({ onClose, onDone }: RegisterProps) {
    const available = useQuery("available", api.matviews.available);
    const [search, setSearch] = useState("");
    const [chosen, setChosen] = useState("");
    const [mode, setMode] = useState<RefreshMode>("standard");
    const [error, setError] = useState<string>();
    const [busy, setBusy] = useState(false);
    const fits = (view: AvailableView) =>
        nameOf(view.schemaName, view.viewName).toLowerCase().includes(search.toLowerCase());

    const submit = (event: Event) => {
        event.preventDefault();
        const view = available.data?.items.find(({ schemaName, viewName }) => nameOf(schemaName, viewName) === chosen);
        if (!view) return setError("Choose a view.");
        setBusy(true);
        api.matviews.register(view.schemaName, view.viewName, mode).then(
            done => {
                toast.done(`${chosen} registered`);
                onDone(done);
            },
            failure => {
                setBusy(false);
                setError(failure instanceof ApiError ? failure.message : String(failure));
            },
        );
    };
    return (
        <Dialog title="Register a materialized view" onClose={onClose}>
            <form onSubmit={submit}>
                <div class="dialog-body">
                    <Show
                        query={available}
                        empty={({ count }) =>
                            count === 0 && (
                                <Empty icon="views" title="There is no other materialized view">
                                    Make one by <code>CREATE MATERIALIZED VIEW</code>, then come back.
                                </Empty>
                            )
                        }
                    >
                        {({ items }) => (
                            <>
                                <Field label="View" error={error}>
                                    {ties => (
                                        <>
                                            <TextInput
                                                {...ties}
                                                type="search"
                                                placeholder="Search"
                                                value={search}
                                                onText={setSearch}
                                            />
                                            <Choices views={items.filter(fits)} chosen={chosen} onChoose={setChosen} />
                                        </>
                                    )}
                                </Field>
                                <div class="mode">
                                    <Choice label="Refresh mode" value={mode} options={MODES} onChange={setMode} />
                                    <p class="field-hint">
                                        {mode === "standard"
                                            ? "Quicker, and readers wait while it is refreshed."
                                            : "Readers don't wait. The view has to have a unique index, and to be populated."}
                                    </p>
                                </div>
                            </>
                        )}
                    </Show>
                </div>
                <FormFoot action="Register" busy={busy} onClose={onClose} />
            </form>
        </Dialog>
    );
}
