import assert from "node:assert/strict";
import test from "node:test";
import { pieces, plainText } from "../src/logs_ansi.ts";
import { findRegex, findText, marked } from "../src/logs_find.ts";
import { brief, Exact, fold } from "../src/logs_json.ts";
import { compare, markOf, microsOf, readAnswer, readLine, utcOf } from "../src/logs_line.ts";
import { Lines } from "../src/logs_lines.ts";
import { Events } from "../src/logs_sse.ts";

const line = (number, more = {}) => ({
  isGap: false, nano: String(1_700_000_000_000_000_000n + BigInt(number)), host: "one", id: "ab".repeat(32),
  name: "web", stream: "stdout", sequence: 0, level: "", text: "", truncated: false, height: 20, open: false,
  hit: false, ...more,
});

/** Numbers that are the same in each run. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

test("lines stay in order and their heights add up, whatever is done to them", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const below = random(seed);
    const lines = new Lines();
    let plain = [];
    for (let turn = 0; turn < 60; turn += 1) {
      const act = below(6);
      if (act <= 2) {
        const base = below(3_000);
        const some = Array.from({ length: below(200) }, (_, n) => line(base + n * (1 + below(2)), { height: 10 + below(30) }));
        const fresh = some.filter((one, at) => [...plain, ...some.slice(0, at)].every((other) => compare(one, other) !== 0));
        assert.equal(lines.add(some), fresh.length);
        plain = [...plain, ...fresh].sort(compare);
      } else if (act === 3) {
        const count = below(120);
        lines.dropFirst(count);
        plain = plain.slice(count);
      } else if (act === 4) {
        const count = below(120);
        lines.dropLast(count);
        plain = plain.slice(0, Math.max(0, plain.length - count));
      } else if (plain.length > 0) {
        lines.resize(plain[below(plain.length)], below(100));
      }
      const all = [...lines];
      assert.deepEqual(all.map(markOf), plain.map(markOf));
      assert.equal(lines.length, plain.length);
      assert.equal(lines.total, plain.reduce((sum, one) => sum + one.height, 0));
      if (plain.length === 0) continue;
      const index = below(plain.length);
      const top = plain.slice(0, index).reduce((sum, one) => sum + one.height, 0);
      assert.equal(lines.top(index), top);
      assert.equal(lines.at(index), plain[index]);
      assert.equal(lines.indexOf(plain[index]), index);
      if (plain[index].height > 0) assert.equal(lines.indexAt(top), index);
      assert.deepEqual(lines.slice(index, index + 5).map(markOf), plain.slice(index, index + 5).map(markOf));
    }
  }
});

test("a height beyond the end is the last line's", () => {
  const lines = new Lines();
  assert.equal(lines.indexAt(5), 0);
  lines.add([line(1), line(2)]);
  assert.equal(lines.indexAt(1_000), 1);
  lines.resizeAll(() => 5);
  assert.equal(lines.total, 10);
});

test("nanoseconds keep all their digits", () => {
  const json = JSON.stringify({ time_nano: 1, host: "h", container_id: "c", name: "n", stream: "stdout",
    sequence: 0, level: null, line: 'it said "time_nano":5' }).replace('"time_nano":1,', '"time_nano":1700000000123456789,');
  const read = readLine(json);
  assert.equal(read.nano, "1700000000123456789");
  assert.equal(read.text, 'it said "time_nano":5');
  assert.equal(utcOf(read), "2023-11-14 22:13:20.123456789 UTC");
  assert.equal(microsOf(read), "2023-11-14T22:13:20.123456Z");
  assert.equal(microsOf(read, 1), "2023-11-14T22:13:20.123457Z");
  assert.equal(microsOf(read, -15_000_000), "2023-11-14T22:13:05.123456Z");
  assert.deepEqual(readAnswer(`{"lines":[${json}],"older":"x"}`).lines[0].nano, read.nano);
});

test("lines of one moment are told apart as the API does", () => {
  const sorted = [line(1, { host: "a" }), line(1, { host: "b" }), line(1, { host: "b", stream: "z" }),
    line(1, { host: "b", stream: "z", sequence: 1 }), line(2, { host: "a" })];
  assert.deepEqual([...sorted].reverse().sort(compare), sorted);
  assert.ok(compare(line(0, { nano: "999" }), line(0, { nano: "1000" })) < 0);
});

test("colours of terminals become pieces, and nothing else of an escape is left", () => {
  const [red, plain, own] = pieces("\x1b[1;31mbad\x1b[0m and \x1b[38;2;1;2;3;4mown\x1b[m");
  assert.deepEqual([red.text, red.classes], ["bad", "ansi-bold ansi-fg-1"]);
  assert.deepEqual([plain.text, plain.classes, plain.colour], [" and ", "", ""]);
  assert.deepEqual([own.text, own.colour, own.classes], ["own", "rgb(1,2,3)", "ansi-underline"]);
  assert.equal(pieces("\x1b[38;5;196mx")[0].colour, "rgb(255,0,0)");
  assert.equal(pieces("\x1b[38;5;9mx")[0].classes, "ansi-fg-9");
  assert.equal(pieces("\x1b[48;5;244mx")[0].background, "rgb(128,128,128)");
  assert.equal(pieces("\x1b[38:2::9:8:7mx")[0].colour, "rgb(9,8,7)");
  assert.equal(pieces("\x1b[97;100mx")[0].classes, "ansi-fg-15 ansi-bg-8");
  assert.equal(pieces("\x1b[1mx\x1b[22my").at(-1).classes, "");
});

test("what is no colour is left out of the text", () => {
  for (const [given, left] of [
    ["\x1b[2Kdone\x1b[1A", "done"], ["\x1b]0;title\x07text", "text"], ["\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"],
    ["a\x00b\x08c\td", "abc\td"], ["\x1b[38;5;999mx", "x"], ["\x1b[38;2;1mx", "x"], ["\x1b[", ""], ["x\x1b", "x"],
    ["\x1b(Bx", "x"], ["\r50%\r100%\r", "50%100%"],
  ]) {
    assert.equal(plainText(given), left);
    assert.equal(pieces(given).map((piece) => piece.text).join(""), left);
  }
});

test("any text is taken apart into the same text without escapes", () => {
  const signs = ["\x1b", "[", "3", "1", ";", "m", "8", ":", "5", "2", "a", "é", "😀", "\x07", "]", " "];
  for (let seed = 1; seed <= 300; seed += 1) {
    const below = random(seed);
    const text = Array.from({ length: below(40) }, () => signs[below(signs.length)]).join("");
    const found = pieces(text);
    assert.equal(found.map((piece) => piece.text).join(""), plainText(text));
    assert.ok(!plainText(text).includes("\x1b"));
    for (const piece of found) assert.match(piece.colour, /^(rgb\(\d+,\d+,\d+\))?$/);
  }
});

test("a line of JSON is folded to its message and fields", () => {
  const folded = fold(' {"level":"info","ts":1,"msg":"hi","user":{"id":1},"tags":[],"n":null,"ok":true} ');
  assert.equal(folded.message, "hi");
  assert.deepEqual(folded.fields, [["user", "{1}"], ["tags", "[]"], ["n", "null"], ["ok", "true"]]);
  assert.equal(fold("plain"), null);
  assert.equal(fold("[1]"), null);
  assert.equal(fold('{"cut":'), null);
  assert.equal(fold('{"a":1} {"b":2}'), null);
  assert.equal(fold('{"message":5}').message, "");
  assert.equal(brief("x".repeat(100)).length, 60);
});

test("a number that JavaScript cannot keep is shown as it was written", () => {
  const { whole } = fold('{"id":12345678901234567890,"n":5,"f":1.5}');
  if (!(whole.id instanceof Exact)) return; // this Node does not tell the source
  assert.equal(brief(whole.id), "12345678901234567890");
  assert.equal(whole.n, 5);
  assert.equal(whole.f, 1.5);
});

test("what is found is marked across pieces, and the text stays the same", () => {
  const given = pieces("one \x1b[31mtwo\x1b[0m three");
  const found = marked(given, [findText("E T"), findText("wo t")]);
  assert.equal(found.map((piece) => piece.text).join(""), "one two three");
  assert.equal(found.filter((piece) => piece.mark).map((piece) => piece.text).join("|"), "e |two| t");
  assert.equal(findText(""), null);
  assert.equal(findRegex("("), null);
  assert.deepEqual(findText(".*")("a.*b"), [[1, 3]]);
  assert.deepEqual(findRegex("x*")("axxb"), [[1, 3]]);
});

test("any marks leave the text as it is", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const below = random(seed);
    const text = Array.from({ length: below(30) }, () => ["a", "b", "\x1b[32m", " "][below(4)]).join("");
    const found = marked(pieces(text), [findText("a"), findText("ab"), findText("b ")]);
    assert.equal(found.map((piece) => piece.text).join(""), plainText(text));
    const isMarked = found.filter((piece) => piece.mark).map((piece) => piece.text).join("");
    assert.equal(isMarked.split("a").length, plainText(text).split("a").length);
  }
});

test("events are read wherever their pieces are cut", () => {
  const sent = 'retry: 2000\n\n: heartbeat\n\nid: p1\ndata: {"a":1}\n\nevent: gap\r\ndata: x\r\ndata: y\r\n\r\ndata:z\n\n';
  const whole = [
    { type: "message", data: '{"a":1}', id: "p1" },
    { type: "gap", data: "x\ny", id: null },
    { type: "message", data: "z", id: null },
  ];
  for (let size = 1; size <= sent.length; size += 1) {
    const events = new Events();
    const found = [];
    for (let at = 0; at < sent.length; at += size) found.push(...events.read(sent.slice(at, at + size)));
    assert.deepEqual(found, whole);
  }
});
