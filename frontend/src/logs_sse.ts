// Server-sent events out of pieces of text, as the standard has them. (EventSource cannot be given
// the place to go on from, and tells nothing of why it was refused.)

export interface Sent {
  type: string;
  data: string;
  id: string | null;
}

export class Events {
  #rest = "";
  #type = "";
  #data: string[] = [];
  #id: string | null = null;

  /** The events that a further piece of text completes. */
  read(piece: string): Sent[] {
    const found: Sent[] = [];
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== null) found.push(event);
    }
    return found;
  }

  #line(line: string): Sent | null {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#type = value;
    else if (name === "id") this.#id = value;
    return null;
  }

  #end(): Sent | null {
    const { length } = this.#data;
    const event = { type: this.#type || "message", data: this.#data.join("\n"), id: this.#id };
    this.#type = "";
    this.#data = [];
    this.#id = null;
    return length > 0 ? event : null;
  }
}
