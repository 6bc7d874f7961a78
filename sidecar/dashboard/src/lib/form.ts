// What a form says of its fields.
import { ApiError } from "./http";

export type Errors<K extends string> = Partial<Record<K | "form", string | undefined>>;

/** What the server refused, at the field it is about: the first whose pattern is in the message. */
export function errorsOf<K extends string>(error: unknown, fields: readonly (readonly [K, RegExp])[]): Errors<K> {
    if (!(error instanceof ApiError)) return { form: String(error) } as Errors<K>;
    if (error.status === 401) return {};
    const field = error.status < 500 ? fields.find(([, pattern]) => pattern.test(error.message))?.[0] : undefined;
    // "invalid …" says no more than the field itself.
    if (field && error.details && error.message.startsWith("invalid")) return { [field]: error.details } as Errors<K>;
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
