// undici 7, the last that runs on Node 20, ends the whole process when a server closes a connection whose last bytes have come while nobody
// reads on (https://github.com/nodejs/undici/issues/5360, mended in undici 8 only): an HTTP/1.0 server and a slow reader are enough. Before
// the library sees such an end its parser is let go on, as version 8 does: the bytes are here, and what holds them back is only advice.

import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/** What is used of the library's parser. */
interface Parser {
  paused: boolean;
  readonly ptr: unknown;
  readonly llhttp: { llhttp_resume(parser: unknown): void };
  resume(): void;
}

/** A pause at the last byte, and one more where only the end tells that it was the last. */
const maxResumes = 2;
let mending = false;

/** For all connections that the library opens in this process from now on. Idempotent. */
export function mendPausedEnds(): void {
  if (mending) return;
  mending = true;
  subscribe("undici:client:connected", (message) => {
    const { socket } = message as { readonly socket?: Socket };
    const letGo = (): void => {
      const parser = socket === undefined ? undefined : parserOf(socket);
      if (parser !== undefined) finishPaused(parser);
    };
    // Ahead of the library's own listeners.
    socket?.prependListener("end", letGo).prependListener("close", letGo);
  });
}

function finishPaused(parser: Parser): void {
  for (let nth = 0; parser.paused && nth < maxResumes; nth++) parser.resume();
  if (!parser.paused) return;
  parser.llhttp.llhttp_resume(parser.ptr);
  parser.paused = false;
}

/** Undefined where the library keeps it otherwise, or has taken leave of the connection. */
function parserOf(socket: Socket): Parser | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "parser");
  const parser = key === undefined ? undefined : (socket as unknown as Record<symbol, Partial<Parser> | null>)[key];
  const known = typeof parser?.paused === "boolean" && parser.llhttp !== undefined && parser.ptr != null;
  return known ? (parser as Parser) : undefined;
}
