// A client whose types are the document's: what openapi-typescript makes of it, and nothing by hand.
import type { operations } from "./openapi.js";

export type Op = keyof operations;

type Body<O extends Op> = operations[O] extends { requestBody?: { content: { "application/json": infer B } } } ? B : never;
type Optional<T> = Exclude<T, undefined>;

export interface Input<O extends Op> {
    path?: Optional<operations[O]["parameters"]["path"]>;
    query?: Optional<operations[O]["parameters"]["query"]>;
    body?: Body<O>;
}

type Json<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Responses<O extends Op> = operations[O]["responses"];
/** What it answers when all is well. */
export type Good<O extends Op> = Json<Responses<O>[keyof Responses<O> & (200 | 201 | 204)]>;

export interface Answer {
    status: number;
    type: string;
    body: unknown;
}

export interface Operation {
    operationId: Op;
    method: string;
    path: string;
    right: string | undefined;
    parameters: { name: string; in: string; schema: object }[];
    body: object | undefined;
    responses: Record<string, unknown>;
}

export interface Document {
    paths: Record<string, Record<string, any>>;
    components: Record<string, Record<string, any>>;
}

/** Follows references within the document. */
export function resolved(document: Document, node: any): any {
    if (node?.$ref === undefined) return node;
    const steps: string[] = node.$ref.slice(2).split("/");
    return resolved(
        document,
        steps.reduce((at: any, step) => at[step], document),
    );
}

export function operationsOf(document: Document): Operation[] {
    return Object.entries(document.paths).flatMap(([path, item]) =>
        Object.entries(item)
            .filter(([method]) => method !== "parameters")
            .map(([method, operation]) => ({
                operationId: operation.operationId,
                method: method.toUpperCase(),
                path,
                right: operation["x-right"],
                parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) => resolved(document, one)),
                body: resolved(document, operation.requestBody)?.content["application/json"].schema,
                responses: operation.responses,
            })),
    );
}

export class Client {
    constructor(
        private readonly base: string,
        private readonly operations: Operation[],
    ) {}

    operation(id: Op): Operation {
        const found = this.operations.find((one) => one.operationId === id);
        if (found === undefined) throw new Error(`the document has no ${id}`);
        return found;
    }

    /** Sends it as it is, whatever the types say. */
    async send(id: Op, token: string | undefined, path: object, query: object, body: string | undefined): Promise<Answer> {
        const { method, path: pattern } = this.operation(id);
        const place = pattern.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String((path as any)[name])));
        const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
        const response = await fetch(`${this.base}${place}?${asked}`, {
            method,
            body: body ?? null,
            headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
        });
        const type = response.headers.get("content-type") ?? "";
        const text = await response.text();
        return { status: response.status, type, body: type === "application/json" ? JSON.parse(text) : text };
    }
}
