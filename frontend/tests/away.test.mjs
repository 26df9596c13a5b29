import assert from "node:assert/strict";
import test from "node:test";
import { Streams } from "../src/away.ts";

class Source extends EventTarget {
  readyState = 1;
  errors = 0;

  constructor() {
    super();
    this.addEventListener("error", () => (this.errors += 1));
  }

  close() {
    this.readyState = 2;
  }
}

test("a page that is left closes its streams, and opens them anew when it is seen again", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const streams = new Streams();
  const [ended, source] = [streams.add(new Source()), streams.add(new Source())];
  ended.close();
  streams.seen(true);
  context.mock.timers.tick(1_000);
  streams.seen(false);
  context.mock.timers.tick(60_000);
  assert.equal(source.readyState, 1);
  assert.equal(source.errors, 0);
  streams.seen(true);
  context.mock.timers.tick(60_000);
  assert.equal(source.readyState, 2);
  streams.seen(false);
  streams.seen(false);
  assert.equal(source.errors, 1);
  assert.equal(ended.errors, 0);
});

test("a stream that says nothing for three heartbeats is opened anew, one that beats is not", (context) => {
  context.mock.timers.enable({ apis: ["Date"] });
  const streams = new Streams();
  const [silent, beating] = [streams.add(new Source()), streams.add(new Source())];
  context.mock.timers.tick(30_000);
  beating.dispatchEvent(new Event("beat"));
  streams.look();
  assert.deepEqual([silent.errors, beating.errors], [0, 0]);
  context.mock.timers.tick(20_000);
  streams.look();
  streams.look();
  assert.deepEqual([silent.errors, beating.errors], [1, 0]);
  assert.equal(silent.readyState, 2);
  assert.equal(beating.readyState, 1);
});
