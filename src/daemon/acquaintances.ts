// Whom this host gives pieces to: those that a supernode introduced, until it drops them.

import type { HostId, VersionId } from "../core/ids.ts";
import { Introduced } from "../core/introduced.ts";
import type { PieceServer } from "../net/piece-server.ts";
import type { NeighbourAddress } from "../wire/control.ts";
import type { News, SwarmNews } from "./supernode-link.ts";

export class Acquaintances {
  readonly #introduced = new Introduced();

  has(version: VersionId, host: HostId): boolean {
    return this.#introduced.has(version, host);
  }

  introduce(version: VersionId, neighbours: readonly NeighbourAddress[]): void {
    for (const { id, onlyGives } of neighbours) if (onlyGives !== true) this.#introduced.add(version, id);
  }

  /** Heeds what is about whom to give to; returns what else is to hear of it. */
  hear(news: News, pieces: Pick<PieceServer, "withdrawFrom" | "expel">): readonly Exclude<News, { type: "barred" }>[] {
    switch (news.type) {
      case "neighbours":
        this.introduce(news.version, news.neighbours);
        return [news];
      case "drop":
        this.#introduced.drop(news.version, news.neighbour);
        pieces.withdrawFrom(news.neighbour, news.version);
        return [news];
      case "barred": {
        pieces.expel(news.host);
        const dropped = { type: "drop", neighbour: news.host, reason: "barred" } as const;
        return this.#introduced.bar(news.host).map((version): SwarmNews => ({ ...dropped, version }));
      }
      default:
        return [news];
    }
  }

  /** The version is not here any more. */
  forget(version: VersionId): void {
    this.#introduced.forget(version);
  }
}
