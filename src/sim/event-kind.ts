// The kinds of events in virtual time, as small integers; beside each the meaning of its three numbers.

export const eventKind = {
  /** host */
  join: 0,
  /** host: its download wants to be woken. */
  wake: 1,
  /** host, asked by, piece or -1 for any; the payload is then the wanted set. */
  request: 2,
  /** host, answered by, piece or -1; the fourth is the milliseconds to stay away. */
  busy: 3,
  granted: 4,
  notHeld: 5,
  /** host, cancelled by, piece */
  cancel: 6,
  /** transfer: its next block has crossed the network and reaches the receiver's downlink. */
  block: 7,
  /** transfer: its last block has left the sender's uplink. */
  uplinkFree: 8,
  /** transfer: its last byte has left the receiver's downlink. */
  arrived: 9,
  /** transfer: the sender hears that it arrived. */
  taken: 10,
  /** host; the payload is the pieces: its listeners hear what it has gained. */
  have: 11,
  /** host, dialled by */
  dial: 12,
  /** host, sent by; the payload is the bitmap. */
  bitmap: 13,
  /** host, first time; the payload is the list of neighbours. */
  introduce: 14,
  /** host, whom: the supernode ends the relation. */
  drop: 15,
  /** host, whom: the link broke. */
  gone: 16,
  /** host: closes its link to the second. */
  hangUp: 17,
  /** host; the payload goes to the scheduler. */
  control: 18,
  /** The scheduler wants to be woken. */
  schedulerWake: 19,
  /** piece: read from the origin. */
  landed: 20,
  /** from, to: the signed manifest has grown. */
  known: 21,
  /** fault, host: it strikes. */
  fault: 22,
  /** transfer, bytes: a block has left the sender's rack. The last block's bytes are negative. */
  rackOut: 23,
  /** transfer, bytes: a block has reached the receiver's rack. */
  rackIn: 24,
  /** The supernode tells what has landed since it last did. */
  manifest: 25,
  /** host: tells what it has gained since it last did. */
  news: 26,
} as const;
