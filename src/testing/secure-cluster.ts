// A cluster with TLS in one process: a supernode that listens on every interface, tokens made as `dragonfly token` makes them, and daemons that
// join with them. All of it is dialled on loopback.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Role } from "../core/role.ts";
import { Daemon } from "../daemon/daemon.ts";
import { Credentials } from "../net/credentials.ts";
import { certificateRequest, hostIdOfKey, newHostKey } from "../net/host-key.ts";
import { parseDaemonOptions, parseSupernodeOptions } from "../runtime/config.ts";
import type { DaemonOptions } from "../runtime/daemon-config.ts";
import { type Log, silentLog } from "../runtime/log.ts";
import type { SupernodeOptions } from "../runtime/supernode-config.ts";
import { ClusterAuthority } from "../supernode/cluster-authority.ts";
import { Supernode } from "../supernode/supernode.ts";
import { Tokens } from "../supernode/tokens.ts";

export class SecureCluster {
  readonly folder: string;
  readonly #options: SupernodeOptions;
  readonly #log: Log;
  readonly #daemons: Daemon[] = [];
  #supernode: Supernode | undefined;

  private constructor(folder: string, options: SupernodeOptions, log: Log) {
    this.folder = folder;
    this.#options = options;
    this.#log = log;
  }

  /** `log` is the supernode's. */
  static async start(options: SupernodeOptions = {}, log = silentLog): Promise<SecureCluster> {
    const cluster = new SecureCluster(await mkdtemp(join(tmpdir(), "secure-")), options, log);
    await cluster.startSupernode();
    return cluster;
  }

  get dataDir(): string {
    return join(this.folder, "supernode");
  }

  get supernode(): Supernode {
    if (this.#supernode === undefined) throw new Error("the supernode is stopped");
    return this.#supernode;
  }

  get port(): number {
    return Number(new URL(this.supernode.url).port);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async startSupernode(listen = "0.0.0.0:0"): Promise<void> {
    // The origins of tests are on this machine.
    const own = { listen, advertise: "127.0.0.1", dataDir: this.dataDir, fetchRules: "allow 127.0.0.0/8" };
    this.#supernode = await Supernode.start(parseSupernodeOptions({ ...own, ...this.#options }), this.#log);
  }

  async stopSupernode(): Promise<void> {
    await this.#supernode?.close();
    this.#supernode = undefined;
  }

  authority(): Promise<ClusterAuthority> {
    return ClusterAuthority.open(parseSupernodeOptions({ dataDir: this.dataDir, ...this.#options }));
  }

  async token(role: Role, { lifeMs = 60_000, uses = null as number | null } = {}): Promise<string> {
    const { sha256 } = await this.authority();
    const expiresAtMs = Date.now() + lifeMs;
    return new Tokens(this.dataDir).create({ role, authority: sha256, supernodes: [this.address], expiresAtMs, uses });
  }

  /** A daemon that joins with this token, or with a fresh one. */
  async daemon(name: string, options: DaemonOptions = {}, log: Log = silentLog): Promise<Daemon> {
    const at = join(this.folder, name);
    const own = { listen: "127.0.0.1:0", proxy: "off", socket: `${at}.sock`, dataDir: at };
    const daemon = await Daemon.start(parseDaemonOptions({ ...own, token: await this.token("join"), ...options }), log);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** What a host has that joined, without a daemon. */
  async host(): Promise<{ readonly id: ReturnType<typeof hostIdOfKey>; readonly credentials: Credentials }> {
    const key = await newHostKey();
    const { cert, authorities } = await (await this.authority()).issueHost(
      await certificateRequest(key),
      async () => {},
    );
    return { id: hostIdOfKey(key), credentials: new Credentials({ key, cert, authorities }) };
  }

  async close(): Promise<void> {
    for (const daemon of this.#daemons) await daemon.close();
    await this.stopSupernode();
    await rm(this.folder, { recursive: true });
  }
}
