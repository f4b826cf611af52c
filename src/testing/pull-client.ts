// Pulls an image over HTTP as container engines do, and nothing else: the tag's manifest, what it names, a token where one is asked for. It
// keeps nothing and checks every digest.

import { createHash } from "node:crypto";
import { parseChallenges } from "../image/challenge.ts";
import type { HttpDoor } from "../net/http-door.ts";

export interface PullClientOptions {
  readonly door: HttpDoor;
  /** URL of a registry or a mirror. */
  readonly at: string;
  /** `user:password` */
  readonly login?: string | undefined;
}

interface Descriptor {
  readonly digest: string;
}

export class PullClient {
  readonly #options: PullClientOptions;
  /** Shown with every request once there is one. */
  authorization: string | undefined;

  constructor(options: PullClientOptions) {
    this.#options = options;
  }

  /** Resolves to the digests of all that was read. Rejects with the status of what was refused. */
  async pull(repository: string, tag = "1"): Promise<string[]> {
    const read: string[] = [];
    const get = async (kind: "manifests" | "blobs", reference: string): Promise<Buffer> => {
      const { status, body } = await this.get(`/v2/${repository}/${kind}/${reference}`);
      if (status !== 200) throw new Error(`${status} for ${reference}: ${body}`);
      const digest = `sha256:${createHash("sha256").update(body).digest("hex")}`;
      if (reference.startsWith("sha256:") && digest !== reference) throw new Error(`${reference} is ${digest}`);
      read.push(digest);
      return body;
    };
    const index: { readonly manifests: readonly Descriptor[] } = JSON.parse(String(await get("manifests", tag)));
    for (const { digest } of index.manifests) {
      const manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] } = JSON.parse(
        String(await get("manifests", digest)),
      );
      await Promise.all([manifest.config, ...manifest.layers].map((one) => get("blobs", one.digest)));
    }
    return read;
  }

  /** With a token where the answer asks for one. */
  async get(path: string): Promise<{ readonly status: number; readonly challenge: string; readonly body: Buffer }> {
    const first = await this.#once(path);
    if (first.status !== 401) return first;
    const [bearer] = parseChallenges(first.challenge).filter(({ scheme }) => scheme === "bearer");
    const token = bearer === undefined ? undefined : await this.#token(bearer.parameters);
    if (token === undefined) return first;
    this.authorization = `Bearer ${token}`;
    return this.#once(path);
  }

  async #once(path: string) {
    const headers = {
      accept: "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
      ...(this.authorization === undefined ? {} : { authorization: this.authorization }),
    };
    const answer = await this.#options.door.request(`${this.#options.at}${path}`, { headers });
    const parts: Uint8Array[] = [];
    for await (const part of answer.body) parts.push(part);
    const challenge = answer.headers["www-authenticate"] ?? "";
    return { status: answer.status, challenge, body: Buffer.concat(parts) };
  }

  async #token(told: ReadonlyMap<string, string>): Promise<string | undefined> {
    const { door, login } = this.#options;
    const url = new URL(told.get("realm") ?? "");
    for (const name of ["service", "scope"]) url.searchParams.set(name, told.get(name) ?? "");
    const headers = login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString("base64")}` };
    const { status, body } = await door.request(url, { headers });
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    return status === 200 ? JSON.parse(String(Buffer.concat(parts))).token : undefined;
  }
}
