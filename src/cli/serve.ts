// Runs a server from its ready line to its end: INT and TERM let it drain within 5 seconds, a second one leaves at once.

import type { Io } from "./io.ts";

export interface Server {
  /** The one line on standard output that tells that it serves, and where. */
  readonly readyLine: string;
  /** Resolves when it has nothing more to do; absent when it always has. */
  readonly idle?: Promise<void>;
  close(): Promise<void>;
}

const drainMs = 5000;
const names = ["SIGINT", "SIGTERM"] as const;

/** Resolves to the exit code when the server is closed. */
export async function serve(start: () => Promise<Server>, io: Io): Promise<number> {
  let signals = 0;
  let stop: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const onSignal = (): void => {
    signals++;
    if (signals > 1) io.leave(8);
    stop();
  };
  for (const name of names) io.signals.on(name, onSignal);
  try {
    const server = await start();
    io.stdout.write(`${server.readyLine}\n`);
    await Promise.race([stopped, ...(server.idle === undefined ? [] : [server.idle])]);
    const timer = setTimeout(() => io.leave(1), drainMs);
    await server.close();
    clearTimeout(timer);
    return 0;
  } finally {
    for (const name of names) io.signals.off(name, onSignal);
  }
}
