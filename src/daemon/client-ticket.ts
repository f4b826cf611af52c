// Opens content for one client, who may leave while it is being opened.

import { untilAborted } from "../runtime/until-aborted.ts";
import type { ContentRequest } from "./running-downloads.ts";
import type { Ticket, Transfers } from "./transfers.ts";

/** Errors: those of `Transfers.open`, and the signal's reason. */
export async function openForClient(
  transfers: Pick<Transfers, "open">,
  request: ContentRequest,
  signal: AbortSignal,
): Promise<Ticket> {
  const opening = transfers.open(request);
  try {
    return await untilAborted(opening, signal);
  } catch (error) {
    void opening.then(leaveUnused, () => {});
    throw error;
  }
}

/** A transfer whose only client left while it was being opened ends; who waits for it as well has begun to use it by the next turn. */
export function leaveUnused({ transfer }: Ticket): void {
  setImmediate(() => transfer?.use()());
}
