// The text of server-sent events, put together from whatever pieces the network makes of it.
export interface StreamEvent {
    id: string;
    name: string;
    data: string;
}

export class EventStream {
    private rest = "";
    private id = "";
    private name = "";
    private data: string[] = [];

    constructor(private readonly onEvent: (event: StreamEvent) => void) {}

    feed(text: string): void {
        const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
        this.rest = lines.pop() ?? "";
        for (const line of lines) this.line(line);
    }

    private line(line: string): void {
        if (line === "") {
            if (this.data.length > 0)
                this.onEvent({ id: this.id, name: this.name || "message", data: this.data.join("\n") });
            this.name = "";
            this.data = [];
            return;
        }
        const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
        if (field === "id") this.id = value;
        else if (field === "event") this.name = value;
        else if (field === "data") this.data.push(value);
    }
}
