// A form's values, and what it says of its fields.
import { useState } from "preact/hooks";
import { ApiError } from "./http";

export type Errors<K extends string> = Partial<Record<K | "form", string | undefined>>;

/** What the server refused, at the field of the form that it is about: fields are called as the API's are. */
export function errorsOf<K extends string>(error: unknown, fields: readonly K[]): Errors<K> {
    if (!(error instanceof ApiError)) return { form: String(error) } as Errors<K>;
    if (error.status === 401) return {};
    const field = fields.find(name => name === error.field);
    const text = [error.message, error.details].filter(Boolean).join(": ") + (error.hint ? ` – ${error.hint}` : "");
    return { [field ?? "form"]: text } as Errors<K>;
}

/** Why a text is no JSON; nothing where it is. */
export function jsonError(text: string): string | undefined {
    try {
        JSON.parse(text);
        return undefined;
    } catch (error) {
        return text.trim()
            ? `This is no JSON: ${(error as Error).message}`
            : "A payload is JSON: {} if there is nothing to say";
    }
}

/** Why a text is no number of attempts; nothing where it is one, or empty. */
export function attemptsError(text: string): string | undefined {
    return !text || (Number.isInteger(Number(text)) && Number(text) >= 1) ? undefined : "A number from 1 on";
}

interface FormOptions<K extends string> {
    start: Record<K, string>;
    check: (values: Record<K, string>) => Errors<K>;
    /** Is called with values that `check` finds nothing wrong with; what it throws is shown at its field. */
    send: (values: Record<K, string>) => Promise<void>;
}

/** Fields are checked when the form is sent; what was wrong then is looked at again as one types, and so is JSON. */
export function useForm<K extends string>({ start, check, send }: FormOptions<K>) {
    const [values, setValues] = useState(start);
    const [errors, setErrors] = useState<Errors<K>>({});
    const [busy, setBusy] = useState(false);
    const change = (name: K) => (text: string) => {
        const next = { ...values, [name]: text };
        setValues(next);
        if (errors[name] || name === "payload") setErrors({ ...errors, form: undefined, [name]: check(next)[name] });
    };
    const submit = async (event: Event) => {
        event.preventDefault();
        const wrong = check(values);
        setErrors(wrong);
        if (busy || Object.values(wrong).some(Boolean)) return;
        setBusy(true);
        try {
            await send(values);
        } catch (error) {
            setErrors(errorsOf(error, Object.keys(start) as K[]));
        }
        setBusy(false);
    };
    return { values, errors, busy, change, submit };
}
