// Lines in the order of their times with their heights, in blocks whose heights are summed up: where
// a line stands, and which line stands at a height, is found without going through all of them.
import { compare, type Line } from "./logs_line";

const MOST_OF_BLOCK = 512;

interface Block {
  lines: Line[];
  height: number;
}

export class Lines {
  readonly #blocks: Block[] = [];
  #count = 0;
  #total = 0;

  /** How many there are. */
  get length(): number {
    return this.#count;
  }

  /** The height of all. */
  get total(): number {
    return this.#total;
  }

  get first(): Line | undefined {
    return this.#blocks[0]?.lines[0];
  }

  get last(): Line | undefined {
    return this.#blocks.at(-1)?.lines.at(-1);
  }

  /** The line at an index. */
  at(index: number): Line | undefined {
    let left = index;
    if (left < 0) return undefined;
    for (const { lines } of this.#blocks) {
      if (left < lines.length) return lines[left];
      left -= lines.length;
    }
    return undefined;
  }

  /** Those of indices from `begin` until before `end`. */
  slice(begin: number, end: number): Line[] {
    const found: Line[] = [];
    let passed = 0;
    for (const { lines } of this.#blocks) {
      if (passed >= end) break;
      if (passed + lines.length > begin) {
        found.push(...lines.slice(Math.max(0, begin - passed), end - passed));
      }
      passed += lines.length;
    }
    return found;
  }

  /** All lines, oldest first. */
  *[Symbol.iterator](): Iterator<Line> {
    for (const { lines } of this.#blocks) yield* lines;
  }

  /** The height of all before an index. */
  top(index: number): number {
    let left = index;
    let height = 0;
    for (const block of this.#blocks) {
      if (left >= block.lines.length) {
        left -= block.lines.length;
        height += block.height;
        continue;
      }
      for (let at = 0; at < left; at += 1) height += block.lines[at]?.height ?? 0;
      break;
    }
    return height;
  }

  /** The index of the line that a height falls into; of the last one beyond the end. */
  indexAt(height: number): number {
    let left = height;
    let index = 0;
    for (const block of this.#blocks) {
      if (left >= block.height) {
        left -= block.height;
        index += block.lines.length;
        continue;
      }
      for (const line of block.lines) {
        if (left < line.height) return index;
        left -= line.height;
        index += 1;
      }
      return index;
    }
    return Math.max(0, this.#count - 1);
  }

  /** The index of a line, or of the first one after its place. */
  indexOf(line: Line): number {
    const place = this.#place(line);
    let index = place.at;
    for (let number = 0; number < place.block; number += 1) {
      index += this.#blocks[number]?.lines.length ?? 0;
    }
    return index;
  }

  /** Take lines in at their places; those that are there already are left out. How many were new. */
  add(lines: readonly Line[]): number {
    const before = this.#count;
    for (const line of lines) {
      const last = this.last;
      if (last === undefined || compare(last, line) < 0) this.#append(line);
      else this.#insert(line);
    }
    return this.#count - before;
  }

  /** Let the oldest go. */
  dropFirst(count: number): void {
    this.#drop(count, () => this.#blocks[0], (block, some) => block.lines.splice(0, some), () => this.#blocks.shift());
  }

  /** Let the newest go. */
  dropLast(count: number): void {
    this.#drop(count, () => this.#blocks.at(-1), (block, some) => block.lines.splice(-some, some), () => this.#blocks.pop());
  }

  clear(): void {
    this.#blocks.length = 0;
    this.#count = 0;
    this.#total = 0;
  }

  /** Give a line that is here another height. */
  resize(line: Line, height: number): void {
    const block = this.#blocks[this.#place(line).block];
    if (block === undefined) return;
    block.height += height - line.height;
    this.#total += height - line.height;
    line.height = height;
  }

  /** Give each line its height anew. */
  resizeAll(height: (line: Line) => number): void {
    this.#total = 0;
    for (const block of this.#blocks) {
      block.height = 0;
      for (const line of block.lines) {
        line.height = height(line);
        block.height += line.height;
      }
      this.#total += block.height;
    }
  }

  #append(line: Line): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.lines.length >= MOST_OF_BLOCK) {
      block = { lines: [], height: 0 };
      this.#blocks.push(block);
    }
    block.lines.push(line);
    this.#counted(block, line);
  }

  #insert(line: Line): void {
    const place = this.#place(line);
    const block = this.#blocks[place.block];
    if (block === undefined) return this.#append(line);
    const there = block.lines[place.at];
    if (there !== undefined && compare(there, line) === 0) return;
    block.lines.splice(place.at, 0, line);
    this.#counted(block, line);
    if (block.lines.length > MOST_OF_BLOCK) this.#split(place.block, block);
  }

  #counted(block: Block, line: Line): void {
    block.height += line.height;
    this.#total += line.height;
    this.#count += 1;
  }

  #split(number: number, block: Block): void {
    const lines = block.lines.splice(MOST_OF_BLOCK / 2);
    const height = lines.reduce((sum, line) => sum + line.height, 0);
    block.height -= height;
    this.#blocks.splice(number + 1, 0, { lines, height });
  }

  #drop(
    count: number,
    end: () => Block | undefined,
    take: (block: Block, some: number) => Line[],
    remove: () => void,
  ): void {
    let left = Math.min(count, this.#count);
    while (left > 0) {
      const block = end();
      if (block === undefined) return;
      const taken = take(block, Math.min(left, block.lines.length));
      const height = taken.reduce((sum, line) => sum + line.height, 0);
      block.height -= height;
      this.#total -= height;
      this.#count -= taken.length;
      left -= taken.length;
      if (block.lines.length === 0) remove();
    }
  }

  /** Where a line is or would be: in the last block whose first line is not after it. */
  #place(line: Line): { block: number; at: number } {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const first = this.#blocks[middle]?.lines[0];
      if (first !== undefined && compare(first, line) <= 0) low = middle;
      else high = middle - 1;
    }
    const lines = this.#blocks[low]?.lines ?? [];
    let begin = 0;
    let end = lines.length;
    while (begin < end) {
      const middle = (begin + end) >> 1;
      const there = lines[middle];
      if (there !== undefined && compare(there, line) < 0) begin = middle + 1;
      else end = middle;
    }
    return { block: low, at: begin };
  }
}
