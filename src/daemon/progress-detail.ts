// What a download tells of itself while somebody looks on: a picture of what it holds, and who gave how much.

import { mapPieces } from "../core/piece-map.ts";
import { countPieces } from "../core/version.ts";
import type { ProgressDetail } from "../wire/control.ts";
import type { Transfer } from "./transfer.ts";

const maxGivers = 1024;

export function progressDetail({ holding, givers }: Pick<Transfer, "holding" | "givers">): ProgressDetail {
  const { version, held } = holding;
  // Where the length is not known yet, as far as there is something.
  const pieces = version.length === null ? held.words.length * 32 : countPieces(version.length, version.pieceLength);
  const { stride, cells, set } = mapPieces(held, pieces);
  return {
    stride,
    cells,
    held: Buffer.from(set.toBytes(cells)).toString("base64"),
    givers: [...givers].slice(0, maxGivers).map(([host, { bytes }]) => [host, bytes]),
  };
}
