// The numbers of a download in one place. They are not configuration: what depends on the file or the network is derived from what is
// measured; what stands here was chosen by simulation and on capped links (docs/swarm.md tells the worth of each).

export interface DownloadTuning {
  /** Neighbours that a download wants; more come through others' introductions. */
  readonly neighbours: number;
  /** Requests in flight on a network without delay; one more for each piece that fits into delay × rate. */
  readonly baseInFlight: number;
  /** With so few neighbours, more being asked for in vain, a swarm is small. */
  readonly fewNeighbours: number;
  /** Requests in flight in a small swarm: longer bursts from fewer hosts cost less, and its pieces have not far to go. */
  readonly baseInFlightOfFew: number;
  /** Of the delay: above 1 because the rate that is measured with too few in flight is too low. */
  readonly delayFactor: number;
  readonly maxInFlight: number;
  /** A neighbour is slow when its pieces take this multiple of the usual time; a request to it takes this part of a slot. */
  readonly slowFactor: number;
  readonly slowSlots: number;
  /** Requests at one neighbour while there are enough of them. */
  readonly perNeighbour: number;
  /** A slot that stays free for so long, while neighbours are busy, is the seed's to fill. */
  readonly seedPatienceMs: number;
  /** How often missing neighbours are asked for. */
  readonly fillEveryMs: number;
  /** How often the least useful one is offered for a fresh one: each is a connection made and a bitmap told. */
  readonly swapEveryMs: number;
  /** A request without progress for this long, or for `suspectFactor` times what requests usually take, is made elsewhere. */
  readonly suspectAfterMs: number;
  readonly suspectFactor: number;
  /** The same before the first piece has come and nothing is known. */
  readonly suspectFirstMs: number;
  /** The least at a seed, whose queue is other hosts' too. */
  readonly suspectSeedMs: number;
  /** A neighbour that answers other requests meanwhile has so many times that. */
  readonly swallowedFactor: number;
  /** Woken so much later than it asked to be, a download gives what is in flight that much more time. */
  readonly heldUpMs: number;
  /** A neighbour that stalls this often in a row is dropped with a strike. */
  readonly maxStalls: number;
  /** A neighbour with less than this share of its peers' rate is dropped with a strike, where so many peers were measured. */
  readonly slowShare: number;
  readonly slowPeers: number;
  /** In the endgame a second source is asked when a request takes this multiple of the usual time. */
  readonly endgameFactor: number;
  /** A reader's pieces are chosen within this many after the first that is missing. */
  readonly windowPieces: number;
  /** With the seed away and nothing to ask anybody for, how long to wait before going to the origin. */
  readonly originPatienceMs: number;
  /** Then it is read in parts of so many pieces, and where neighbours are nearer to read one, each of them is given so much time. */
  readonly originPieces: number;
  readonly originTurnMs: number;
  /** With nothing from the seed or anybody else for so long, the supernode is told what is nowhere. */
  readonly starvingMs: number;
}

export const downloadTuning: DownloadTuning = {
  neighbours: 10,
  baseInFlight: 3,
  fewNeighbours: 7,
  baseInFlightOfFew: 5,
  delayFactor: 2,
  maxInFlight: 64,
  slowFactor: 2,
  slowSlots: 0.25,
  perNeighbour: 2,
  seedPatienceMs: 50,
  fillEveryMs: 1000,
  swapEveryMs: 2000,
  suspectAfterMs: 300,
  suspectFactor: 4,
  suspectFirstMs: 3000,
  suspectSeedMs: 1000,
  swallowedFactor: 2,
  heldUpMs: 50,
  maxStalls: 3,
  slowShare: 0.03,
  slowPeers: 4,
  endgameFactor: 1,
  windowPieces: 96,
  originPatienceMs: 1500,
  originPieces: 8,
  originTurnMs: 2000,
  starvingMs: 1500,
};
