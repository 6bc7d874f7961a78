// When to ask again: at once, when something has happened, or when so much time has passed.

export interface Pace {
    /** After so many milliseconds without a reason; undefined: never. */
    every: number | undefined;
    /** For a reason, but not more often than that. */
    throttle: number;
    /** Nobody looks: then it waits until `shown`. */
    hidden: () => boolean;
}

export class Poll {
    private running = false;
    private wanted = false; // there is a reason to ask again
    private began = 0;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private stopped = false;

    /** `ask` never fails: what it is told it keeps. */
    constructor(
        private readonly ask: () => Promise<void>,
        private readonly pace: Pace,
    ) {}

    /** At once, or, where it is asking already, once more after that. */
    now(): void {
        if (this.running) this.wanted = true;
        else void this.run();
    }

    /** As soon as the pace allows. */
    soon(): void {
        const planned = this.wanted;
        this.wanted = true;
        if (!this.running && !planned) this.plan(this.began + this.pace.throttle - Date.now());
    }

    /** Somebody looks again. */
    shown(): void {
        if (!this.running && (this.wanted || this.pace.every)) void this.run();
    }

    stop(): void {
        this.stopped = true;
        clearTimeout(this.timer);
    }

    private async run(): Promise<void> {
        clearTimeout(this.timer);
        this.running = true;
        this.wanted = false;
        this.began = Date.now();
        await this.ask();
        this.running = false;
        if (this.wanted) this.plan(this.pace.throttle);
        else if (this.pace.every) this.plan(this.pace.every);
    }

    private plan(ms: number): void {
        clearTimeout(this.timer);
        if (this.stopped) return;
        this.timer = setTimeout(
            () => {
                if (this.pace.hidden()) this.wanted = true;
                else void this.run();
            },
            Math.max(0, ms),
        );
    }
}
