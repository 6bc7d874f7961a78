// Holds each answer to what the document says of its operation and status.
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type Answer, type Document, type Operation, resolved } from "./client.js";

const Ajv = Ajv2020 as unknown as typeof Ajv2020.default;
const formats = addFormats as unknown as typeof addFormats.default;

const escaped = (step: string) => step.replaceAll("~", "~0").replaceAll("/", "~1");

export class Checker {
    private readonly ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true });

    constructor(private readonly document: Document) {
        formats(this.ajv);
        this.ajv.addSchema({ ...document, $id: "document" });
    }

    /** What is wrong with it; "" where nothing is. */
    wrong(operation: Operation, answer: Answer): string {
        const said = operation.responses[String(answer.status)] as { $ref?: string } | undefined;
        if (said === undefined) return `status ${answer.status} is not in the document`;
        const content = resolved(this.document, said).content;
        if (content === undefined) return answer.body === "" ? "" : "it has a body";
        if (content[answer.type] === undefined && !("text/plain" in content)) return `it is ${answer.type}`;
        if (answer.type !== "application/json") return "";
        const place =
            said.$ref ??
            `#/paths/${escaped(operation.path)}/${operation.method.toLowerCase()}/responses/${answer.status}`;
        const check = this.ajv.getSchema(`document${encodeURI(`${place}/content/application~1json/schema`)}`);
        if (check === undefined) throw new Error(`no schema at ${place}`);
        return check(answer.body) ? "" : this.ajv.errorsText(check.errors);
    }
}
