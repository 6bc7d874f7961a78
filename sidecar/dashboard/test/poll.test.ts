import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Poll } from "../src/lib/poll";

let hidden = false;
let asked = 0;
let answer: () => void = () => undefined;
let poll: Poll;

/** Lets what an answer sets off happen, then as much time pass. */
async function pass(ms = 0) {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    mock.timers.tick(ms);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

function start(every: number | undefined) {
    asked = 0;
    hidden = false;
    const ask = () => {
        asked++;
        return new Promise<void>(resolve => {
            answer = resolve;
        });
    };
    poll = new Poll(ask, { every, throttle: 1000, hidden: () => hidden });
}

beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
});

test("events are asked about at once, then not more often than the pace allows", async () => {
    start(undefined);
    poll.now();
    assert.equal(asked, 1);
    answer();
    await pass(5000);
    for (let event = 0; event < 10; event++) poll.soon();
    await pass(0);
    assert.equal(asked, 2);
    answer();
    await pass(400);
    poll.soon();
    await pass(599);
    assert.equal(asked, 2);
    await pass(1);
    assert.equal(asked, 3);
});

test("what happens while it is asking is asked about after that, once", async () => {
    start(undefined);
    poll.now();
    poll.soon();
    poll.now();
    await pass(3000);
    assert.equal(asked, 1);
    answer();
    await pass(1000);
    assert.equal(asked, 2);
    answer();
    await pass(10_000);
    assert.equal(asked, 2);
});

test("without a reason it asks every so often, and not while nobody looks", async () => {
    start(5000);
    poll.now();
    answer();
    await pass(5000);
    assert.equal(asked, 2);
    answer();
    hidden = true;
    await pass(60_000);
    assert.equal(asked, 2);
    hidden = false;
    poll.shown();
    assert.equal(asked, 3);
});

test("an event that came while nobody looked is asked about when somebody does", async () => {
    start(undefined);
    poll.now();
    answer();
    await pass(2000);
    hidden = true;
    poll.soon();
    await pass(2000);
    assert.equal(asked, 1);
    hidden = false;
    poll.shown();
    assert.equal(asked, 2);
});

test("after its end it asks no more", async () => {
    start(1000);
    poll.now();
    poll.stop();
    answer();
    await pass(10_000);
    assert.equal(asked, 1);
});
