// The numbers of a download in one place. They are not configuration: what depends on the file or the network is derived from what is
// measured; what stands here was chosen by simulation and on capped links (docs/performance.md tells the worth of each).

export interface DownloadTuning {
  /** Neighbours that a download wants; more come through others' introductions. */
  readonly neighbours: number;
  /** Requests in flight on a network without delay; one more for each piece that fits into delay × rate. */
  readonly baseInFlight: number;
  readonly maxInFlight: number;
  /** Requests at one neighbour while there are enough of them. */
  readonly perNeighbour: number;
  /** How often a neighbour is offered for a fresh one, and missing ones are asked for. */
  readonly swapEveryMs: number;
  /** A request without progress for this long, or for `suspectFactor` times what requests usually take, is made elsewhere. */
  readonly suspectAfterMs: number;
  readonly suspectFactor: number;
  /** The same before the first piece has come and nothing is known. */
  readonly suspectFirstMs: number;
  /** A neighbour that stalls this often in a row is dropped with a strike. */
  readonly maxStalls: number;
  /** In the endgame a second source is asked when a request takes this multiple of the usual time. */
  readonly endgameFactor: number;
  /** A reader's pieces are chosen within this many after the first that is missing. */
  readonly windowPieces: number;
  /** With the seed away and nothing to ask anybody for, how long to wait before going to the origin. */
  readonly originPatienceMs: number;
}

export const downloadTuning: DownloadTuning = {
  neighbours: 10,
  baseInFlight: 4,
  maxInFlight: 64,
  perNeighbour: 2,
  swapEveryMs: 1000,
  suspectAfterMs: 500,
  suspectFactor: 4,
  suspectFirstMs: 3000,
  maxStalls: 3,
  endgameFactor: 1,
  windowPieces: 128,
  originPatienceMs: 1500,
};
