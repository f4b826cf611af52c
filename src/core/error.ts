// Every way in which Dragonfly can fail, with whom to blame. Exit codes, HTTP statuses and strikes follow from this one table.

/** Who has to mend it: the one who asked, the server the content lives on, another host of the swarm, or this process. */
export type Blame = "caller" | "origin" | "peer" | "self";

interface Entry {
  readonly blame: Blame;
  /** Exit code of `dfget`, as `docs/errors.md` lists them. */
  readonly exit: number;
  /** HTTP status of an API answer. */
  readonly status: number;
  /** What it means, for the documentation. */
  readonly meaning: string;
}

const entry = (blame: Blame, exit: number, status: number, meaning: string): Entry => ({
  blame,
  exit,
  status,
  meaning,
});

export const errorCatalogue = {
  "bad-usage": entry("caller", 2, 400, "a flag, an argument or a request body is not understood"),
  "bad-config": entry("caller", 2, 400, "a configuration key, unit or value is refused"),
  "unsupported-scheme": entry("caller", 2, 400, "the URL's scheme is not one that can be read"),
  "address-in-use": entry("caller", 2, 500, "another process listens on the address or socket"),
  "rule-refused": entry("caller", 2, 403, "a rule of the proxy, or of what may be fetched, refuses the URL"),
  "output-exists": entry("caller", 2, 409, "the output file is there and overwriting was not asked for"),
  "output-missing": entry("caller", 2, 400, "the directory of the output file does not exist"),
  "not-authorised": entry("caller", 2, 401, "no token or certificate was shown that is valid here"),
  "not-permitted": entry("caller", 2, 403, "the token's role does not suffice"),
  "not-allowed": entry("peer", 7, 403, "another host was not introduced for the version"),
  "not-found": entry("caller", 1, 404, "no such task, host or route"),
  "origin-refused": entry("origin", 3, 502, "the origin answered with an error status"),
  "origin-unreachable": entry("origin", 3, 502, "the origin's name does not resolve or it does not answer"),
  "origin-untrusted": entry("origin", 3, 502, "the origin's certificate is not signed by a trusted authority"),
  "origin-changed": entry("origin", 3, 502, "the content changed at the origin while it was being read"),
  "not-shareable": entry("origin", 3, 502, "the origin does not want its content to be given to others"),
  "origin-truncated": entry("origin", 4, 502, "the origin delivers fewer or more bytes than it announced"),
  "digest-mismatch": entry("origin", 4, 502, "the content does not have the digest that was asked for"),
  "piece-corrupt": entry("peer", 4, 502, "a piece does not have its signed digest"),
  "no-space": entry("self", 5, 507, "the disk or the quota has no room for the content"),
  "not-writable": entry("self", 5, 500, "a file or directory cannot be written or read"),
  "timed-out": entry("self", 6, 504, "the time that the caller gave is over"),
  "no-source": entry("peer", 7, 503, "no peer or supernode has the content and the origin is forbidden"),
  "supernode-unreachable": entry("peer", 7, 503, "no supernode answers"),
  "peer-unreachable": entry("peer", 7, 502, "another host cannot be reached, refuses the link or ended it"),
  interrupted: entry("caller", 8, 499, "the caller went away or sent a signal"),
  overloaded: entry("self", 1, 503, "a limit of this process is reached; later is better"),
  "protocol-violation": entry("peer", 1, 502, "another process sent what the protocol forbids"),
  "daemon-unreachable": entry("self", 1, 503, "the local daemon cannot be reached or started"),
  internal: entry("self", 1, 500, "a fault of this program"),
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorDetails {
  /** Overrides the catalogue's, for example where a broken piece came from the origin. */
  readonly blame?: Blame;
  readonly cause?: unknown;
  /** The HTTP status that the origin gave, where there is one. */
  readonly originStatus?: number;
  /** When trying again may help, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** An error that says in one line what happened, whose fault it is and what to do. */
export class DragonflyError extends Error {
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly originStatus: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "DragonflyError";
    this.code = code;
    this.blame = details.blame ?? errorCatalogue[code].blame;
    this.originStatus = details.originStatus;
    this.retryAfterMs = details.retryAfterMs;
  }

  get exit(): number {
    return errorCatalogue[this.code].exit;
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }

  /** The form in which errors cross process boundaries. */
  toJSON(): WireError {
    return {
      code: this.code,
      blame: this.blame,
      message: this.message,
      ...(this.originStatus === undefined ? {} : { originStatus: this.originStatus }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }

  /** Any thrown value as one of ours; what is not ours is a fault of this program. */
  static from(error: unknown): DragonflyError {
    if (error instanceof DragonflyError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new DragonflyError("internal", message, { cause: error });
  }

  /** The inverse of `toJSON`; an unknown code from a newer process becomes `internal`. */
  static fromWire(wire: {
    readonly code: string;
    readonly blame?: Blame | undefined;
    readonly message: string;
    readonly originStatus?: number | undefined;
    readonly retryAfterMs?: number | undefined;
  }): DragonflyError {
    const code: ErrorCode = Object.hasOwn(errorCatalogue, wire.code) ? (wire.code as ErrorCode) : "internal";
    return new DragonflyError(code, wire.message, {
      ...(wire.blame === undefined ? {} : { blame: wire.blame }),
      ...(wire.originStatus === undefined ? {} : { originStatus: wire.originStatus }),
      ...(wire.retryAfterMs === undefined ? {} : { retryAfterMs: wire.retryAfterMs }),
    });
  }
}

export interface WireError {
  readonly code: ErrorCode;
  readonly blame: Blame;
  readonly message: string;
  readonly originStatus?: number;
  readonly retryAfterMs?: number;
}
