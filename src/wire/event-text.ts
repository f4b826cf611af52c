// Server-sent events as text (https://html.spec.whatwg.org/multipage/server-sent-events.html): written, and read piece by piece.

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** More than this without an end is no event. */
const maxEventLength = 16 << 20;

/** `data` is one line. */
export function eventText(event: string, data: string): string {
  return `event: ${event}\ndata: ${data}\n\n`;
}

export class EventDecoder {
  #rest = "";

  /** The events that are whole by now. Comments and other fields are passed over. Throws RangeError at one without end. */
  push(text: string): readonly ServerEvent[] {
    const blocks = (this.#rest + text).split(/\r?\n\r?\n/);
    this.#rest = blocks.pop() ?? "";
    if (this.#rest.length > maxEventLength) throw new RangeError("an event is too long");
    return blocks.flatMap((block) => parseBlock(block) ?? []);
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ""] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
  return data.length === 0 ? undefined : { event, data: data.join("\n") };
}
