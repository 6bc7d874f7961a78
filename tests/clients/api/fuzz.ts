// fuzz URL TOKEN [SEED]: sends each operation what its schemas allow and what they don't. Whatever comes, the answer is one
// that the document names, and no 500 but a refresh's that failed.
import fc from "fast-check";
import { Checker } from "./checker.js";
import { Client, type Document, type Operation, operationsOf, resolved } from "./client.js";

const [base, token, seed] = process.argv.slice(2) as [string, string, string | undefined];
const document = (await (await fetch(`${base}/openapi.json`)).json()) as Document;
const operations = operationsOf(document).filter((one) => one.operationId !== "listenToEvents");
const client = new Client(base, operations);
const checker = new Checker(document);

const odd = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "\0", "'", "%", "infinity", "-infinity", "NaN", "1e131071", "9e18", "-1", "9223372036854775808", "{}", "294277-01-01T00:00:00Z"),
    fc.double(),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
);

function textOf(schema: any): fc.Arbitrary<unknown> {
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.format === "uuid") return fc.uuid();
    if (schema.format === "date-time") return fc.date({ noInvalidDate: true }).map((at) => at.toISOString());
    return fc.string({ unit: "grapheme", maxLength: 120 });
}

function valueOf(node: any): fc.Arbitrary<unknown> {
    const schema = resolved(document, node);
    const { minimum = -1e15, maximum = 1e15 } = schema;
    const kinds: Record<string, () => fc.Arbitrary<unknown>> = {
        string: () => textOf(schema),
        integer: () => fc.maxSafeInteger().map((n) => minimum + (Math.abs(n) % (Math.min(maximum, minimum + 1e6) - minimum + 1))),
        number: () => fc.double({ noNaN: true }),
        boolean: () => fc.boolean(),
        array: () => fc.array(valueOf(schema.items ?? {}), { maxLength: 4 }),
        object: () => fc.record(members(schema.properties ?? {}), { requiredKeys: [] }),
    };
    const right = kinds[schema.type]?.() ?? fc.jsonValue();
    return fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd }, { weight: 1, arbitrary: fc.jsonValue() });
}

const members = (properties: object) => Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valueOf(schema)]));

const asText = (value: unknown) => (typeof value === "string" ? value : String(JSON.stringify(value)));

function requestOf(operation: Operation): fc.Arbitrary<{ path: object; query: object; body: string | undefined }> {
    const named = (place: string) =>
        Object.fromEntries(operation.parameters.filter((one) => one.in === place && one.name !== "database").map((one) => [one.name, valueOf(one.schema).map(asText)]));
    const body = operation.body === undefined ? fc.constant(undefined) : valueOf(operation.body).map((value) => JSON.stringify(value));
    // What would make another path of it is no id.
    const path = fc.record(named("path")).filter((ids) => Object.values(ids).every((id) => !/^\.{0,2}$/.test(id)));
    return fc.record({ path, query: fc.record(named("query"), { requiredKeys: [] }), body });
}

let asked = 0;
for (const operation of operations) {
    const once = async ({ path, query, body }: { path: object; query: object; body: string | undefined }) => {
        asked++;
        const answer = await client.send(operation.operationId, token, path, query, body);
        if (answer.status === 404 && !("404" in operation.responses)) return; // an id with a slash is another path
        const wrong = checker.wrong(operation, answer);
        const failed = answer.status === 500 && operation.operationId !== "refreshMatview";
        if (failed || wrong !== "") throw new Error(`${answer.status} ${JSON.stringify(answer.body)}: ${wrong}`);
    };
    // A database that nobody has is refused before all else: drive.ts tries that.
    const runs = operation.parameters.length > 0 || operation.body ? 40 : 1;
    await fc.assert(fc.asyncProperty(requestOf(operation), once), {
        numRuns: runs,
        ...(seed ? { seed: Number(seed) } : {}),
    });
}
console.log(`${operations.length} operations, ${asked} requests`);
