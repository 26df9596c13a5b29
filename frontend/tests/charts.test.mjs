import assert from "node:assert/strict";
import test from "node:test";
import { marks, mergeEvents, statusMarks, thinned, wordsNear } from "../src/charts_marks.ts";
import { extend, figure, showsLimit } from "../src/charts_series.ts";
import { rangeSpan, stepQuery, zoomSpan } from "../src/charts_span.ts";
import { ticked, written } from "../src/charts_words.ts";

const BEGIN = Date.UTC(2026, 0, 1) / 1000;
const time = (seconds) => new Date((BEGIN + seconds) * 1000).toISOString();
const point = (seconds, more = {}) => ({ time: time(seconds), container_id: "a", samples: 1, ...more });
const answer = (points, step = 10, resolution = "raw") => ({ points, step_seconds: step, resolution });
const line = (drawn, label) => drawn.lines.find((each) => each.label === label)?.values;
const at = (drawn) => drawn.times.map((each) => each - BEGIN);

test("bytes moved are a rate over the time that samples cover", () => {
  const points = [0, 10, 20, 30].map((each) => point(each, { network_rx: 1000, network_tx: 0 }));
  const drawn = figure("network", answer(points));
  assert.deepEqual(line(drawn, "received"), [100, 100, 100, 100]);
  assert.deepEqual(line(drawn, "sent"), [0, 0, 0, 0]);
});

test("a step with two samples has not twice the rate", () => {
  const points = [point(0, { block_read: 10 }), point(10, { block_read: 20, samples: 2 }), point(30, { block_read: 10 })];
  assert.deepEqual(line(figure("block", answer(points)), "read"), [1, 1, 1]);
});

test("a whole minute is divided by its length", () => {
  const points = [0, 60, 120].map((each) => point(each, { network_rx: 600, samples: 6 }));
  assert.deepEqual(line(figure("network", answer(points, 60, "1m")), "received"), [10, 10, 10]);
});

test("a gap is a gap, and what was moved within it is spread over it", () => {
  const points = [0, 10, 20, 80, 90].map((each) => point(each, { network_rx: 600, cpu_percent: 1 }));
  const drawn = figure("network", answer(points));
  assert.deepEqual(at(drawn), [0, 10, 20, 50, 80, 90]);
  assert.deepEqual(line(drawn, "received"), [60, 60, 60, null, 10, 60]);
});

test("a sample that is late is no gap, a minute that is missing is", () => {
  const late = [0, 10, 30, 40].map((each) => point(each, { pids: 1 }));
  assert.deepEqual(line(figure("pids", answer(late)), "at most"), [1, 1, 1, 1]);
  const missing = [0, 60, 180].map((each) => point(each, { pids: 1 }));
  assert.deepEqual(line(figure("pids", answer(missing, 60, "1m")), "at most"), [1, 1, null, 1]);
});

test("between two runs nothing is drawn, however rarely it was seen", () => {
  const points = [0, 190, 380].map((each) => point(each, { pids: 2 }));
  const drawn = figure("pids", answer(points), [BEGIN + 5, BEGIN + 200]);
  assert.deepEqual(line(drawn, "at most"), [2, null, 2, null, 2]);
});

test("incarnations are told apart, also within one step", () => {
  const points = [point(0, { pids: 1 }), point(10, { pids: 1 }), point(10, { pids: 5, container_id: "b" })];
  const drawn = figure("pids", answer(points));
  assert.deepEqual(drawn.incarnations, ["a", "a", null, "b"]);
  assert.deepEqual(line(drawn, "at most"), [1, 1, null, 5]);
  assert.ok(drawn.times.every((each, index) => index === 0 || each > drawn.times[index - 1]));
  assert.deepEqual(figure("pids", answer(points.slice(0, 2))).incarnations, []);
});

test("lines of which nothing is known are left out", () => {
  const drawn = figure("memory", answer([point(0, { memory_used: 5, memory_limit: null })]));
  assert.deepEqual(drawn.lines.map((each) => each.label), ["used"]);
  assert.deepEqual(figure("cpu", answer([])).lines, []);
});

test("a limit is drawn only where it does not flatten the rest", () => {
  assert.ok(showsLimit(30, 100));
  assert.ok(!showsLimit(20, 100));
});

test("what came since takes the place of what was known, and what is too old goes", () => {
  const known = answer([0, 10, 20].map((each) => point(each, { pids: 1 })));
  const fresh = answer([20, 30].map((each) => point(each, { pids: 2 })));
  const both = extend(known, fresh, BEGIN + 20, BEGIN + 5);
  assert.deepEqual(both.points.map((each) => each.pids), [1, 2, 2]);
});

test("steps of two queries fit together", () => {
  assert.deepEqual(stepQuery(101, 139, 20), { start: "100", end: "140", points: "2" });
  assert.deepEqual(stepQuery(100, 140, 20), { start: "100", end: "160", points: "3" });
  const hour = rangeSpan("1h", 7200);
  assert.deepEqual([hour.start, hour.end, hour.live], [3600, 7200, true]);
  assert.equal(rangeSpan("1h", 7200, 5000).live, false);
  assert.equal(rangeSpan("nonsense", 7200).start, 3600);
});

test("a zoom is in steps as fine as there is something to see, and no shorter than a minute", () => {
  assert.equal(zoomSpan(0, 600).step, 10);
  assert.equal(zoomSpan(0, 86_400).step, 300);
  const short = zoomSpan(100, 101);
  assert.equal(short.end - short.start, 60);
});

test("events are words, and the others are left out", () => {
  const event = (action, seconds, exit_code = null) =>
    ({ action, time: time(seconds), time_nano: seconds, actor_id: "a", exit_code });
  const found = marks([event("die", 20, 137), event("start", 10), event("exec_create", 5), event("oom", 19)]);
  assert.deepEqual(found.map((mark) => mark.words), ["started", "ran out of memory", "ended with exit code 137 (killed)"]);
  assert.deepEqual(found.map((mark) => mark.ends), [false, false, true]);
  assert.deepEqual(wordsNear(found, BEGIN + 19, 2), ["✖ ran out of memory", "✖ ended with exit code 137 (killed)"]);
  assert.deepEqual(wordsNear(found, BEGIN + 100, 2), []);
  assert.equal(mergeEvents([event("start", 10)], [event("start", 10), event("die", 20)]).length, 2);
});

test("marks that would lie on each other are one, the gravest", () => {
  const mark = (seconds, tone) => ({ time: seconds, words: "", tone, sign: "", ends: false });
  const found = thinned([mark(0, "good"), mark(1, "bad"), mark(2, "good"), mark(50, "good")], 10);
  assert.deepEqual(found.map((each) => [each.time, each.tone]), [[0, "bad"], [50, "good"]]);
});

test("a host that goes down and comes back is marked, with why", () => {
  const seen = (seconds, status, error = null) => ({ time: time(seconds), status, error });
  const found = statusMarks({ points: [seen(0, "up"), seen(30, "down", "no route"), seen(60, "up")] });
  assert.deepEqual(found.map((mark) => [mark.words, mark.tone]), [["down: no route", "bad"], ["up", "good"]]);
});

test("figures have their units", () => {
  assert.equal(written(1536, "bytes"), "1.5 KiB");
  assert.equal(written(0, "rate"), "0 B/s");
  assert.equal(written(null, "percent"), "-");
  assert.equal(written(99.96, "percent"), "100.0%");
  assert.equal(ticked(1024 * 1024, "bytes"), "1 MiB");
  assert.equal(ticked(0.30000000000000004, "load"), "0.3");
});
