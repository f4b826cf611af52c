// Everything that reads what strangers wrote: control messages, frames, manifests, ranges, references, configuration, local lines.

import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { Bitset } from "../core/bitset.ts";
import { DragonflyError } from "../core/error.ts";
import { freshForMs } from "../core/freshness.ts";
import type { HostId, VersionId } from "../core/ids.ts";
import { addConfigPath } from "../engine/containerd-config.ts";
import { parseRecord } from "../engine/edit-record.ts";
import { scanToml } from "../engine/toml.ts";
import { parseChallenges } from "../image/challenge.ts";
import { parseImageManifest } from "../image/image-manifest.ts";
import { manifestType } from "../image/manifest-type.ts";
import { parsePlatform } from "../image/platform.ts";
import { parseImageReference } from "../image/reference.ts";
import { registryPath } from "../image/registry-path.ts";
import { requestedPart } from "../image/requested-part.ts";
import { selfSigned, signLeaf } from "../net/certificates.ts";
import { certifiedName, type Identity } from "../net/credentials.ts";
import { certificateRequest, hostIdOfKey, newHostKey, readCertificateRequest } from "../net/host-key.ts";
import { readIdentity } from "../net/issued-certificate.ts";
import { UpgradeReply, upgradeAccepted } from "../net/piece-upgrade.ts";
import { loadX509 } from "../net/x509-library.ts";
import { parseContentRange } from "../origin/content-range.ts";
import { tunnelTarget } from "../proxy/tunnels.ts";
import { parseAddress, supernodeUrl } from "../runtime/address.ts";
import { fetchRules, refusalOfHost } from "../runtime/fetch-rule.ts";
import { hostPatterns } from "../runtime/host-pattern.ts";
import { parseDuration, parseRate, parseSize } from "../runtime/units.ts";
import { encodeHeader, encodeRecords, parseJournal } from "../store/journal-format.ts";
import { parseVersionFile } from "../store/version-file.ts";
import { parsePreheatRequest } from "../supernode/preheat-request.ts";
import { parseFromDaemon, parseFromSupernode } from "../wire/control.ts";
import { EventDecoder, eventText } from "../wire/event-text.ts";
import { encodeFrame, type Frame, type Side } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import { readDownloadEvent, readDownloadRequest } from "../wire/local-api.ts";
import { Manifest } from "../wire/manifest.ts";
import { publicUrl } from "../wire/public-url.ts";
import { Sealing } from "../wire/sealing.ts";
import { parseByteRange, taskKey } from "../wire/task-key.ts";
import { formatToken, parseToken, type Token } from "../wire/token.ts";
import type { FuzzTarget } from "./fuzzer.ts";

const version = "1".repeat(64) as VersionId;
const task = "2".repeat(64);
const host = "0".repeat(32) as HostId;
const open = (message: unknown): unknown => message;
const texts = (...values: readonly unknown[]): readonly string[] => values.map((value) => JSON.stringify(value));

const allOf = (count: number): Bitset => Bitset.of(...Array.from({ length: count }, (_, piece) => piece));

const keys = generateKeyPairSync("ed25519");
const signed = new Manifest(version, 65_536);
for (let piece = 0; piece < 5; piece++) signed.set(piece, Buffer.alloc(32, piece));
signed.close(5 * 65_536, null);
const manifest = { batch: signed.signBatch(allOf(5), keys.privateKey), seal: signed.signSeal(keys.privateKey) };
const token: Token = {
  ...{ id: "0".repeat(16), role: "join", secret: "s".repeat(32), authority: "a".repeat(64) },
  ...{ supernodes: ["sn.example:8002", "[::1]:2"], expiresAtMs: null, uses: null },
};
/** Of this moment, since certificates say when they were made. */
const ownIdentity = await issuedIdentity();
const [sender, receiver] = [new Sealing(), new Sealing()];
sender.sealFor(receiver.publicKey);

const fromDaemon = texts(
  {
    type: "hello",
    protocol: 1,
    host,
    software: "x",
    address: ":65002",
    labels: { zone: "a" },
    holdings: [{ task, version, complete: true }],
    keys: ["k"],
    sealKey: "k",
  },
  {
    type: "register",
    request: 1,
    version,
    url: "http://h/a?b=c",
    headers: { a: "b" },
    tag: "t",
    range: { first: 0, last: null },
    filter: ["x"],
    contentDigest: `sha256:${task}`,
  },
  {
    type: "get-token",
    request: 2,
    realm: "http://h/",
    service: "s",
    scopes: ["a"],
    credentials: { kind: "password", username: "u", password: "p" },
  },
  { type: "progress", version, heldPieces: 3, from: { peers: 1, supernode: 2, origin: 3 }, complete: false },
  { type: "piece-failed", version, piece: 1, from: host, reason: "corrupt" },
  {
    type: "recalled",
    version,
    pieceLength: 65_536,
    held: [
      [0, 3],
      [5, 6],
    ],
    signed: [{ key: "k", part: manifest }],
  },
  { type: "starving", version, pieces: [[0, 1]] },
  { type: "serving", orders: [{ order: 1, bytes: 2 }] },
  { type: "served", order: 1, bytes: 2, error: { code: "internal", blame: "self", message: "m" } },
  { type: "more-neighbours", version, count: 2, least: host },
);
const fromSupernode = texts(
  { type: "welcome", protocol: 1, host, software: "x", key: "k", address: null, sealKey: "k" },
  {
    type: "task",
    request: 1,
    task,
    version,
    url: "http://h/",
    length: null,
    pieceLength: 65_536,
    manifest,
    neighbours: [{ id: host, address: "h:1" }],
  },
  { type: "manifest", version, manifest },
  { type: "neighbours", version, neighbours: [{ id: host, address: "[::1]:1" }] },
  { type: "serve", order: 1, url: "http://h/", headers: {}, length: 5 },
  { type: "refused", request: 1, error: { code: "overloaded", blame: "self", message: "m", retryAfterMs: 5 } },
);
const frames: Readonly<Record<Side, readonly Frame[]>> = {
  dialler: [
    { type: "open", channel: 1, version },
    { type: "request", channel: 1, piece: 3 },
    { type: "request-any", channel: 1, wanted: allOf(20), pieceCount: 20 },
    { type: "close", channel: 1 },
    { type: "bye", channel: 0, reason: "done" },
  ],
  server: [
    { type: "bitmap", channel: 1, complete: false, held: allOf(20), pieceCount: 20 },
    { type: "have", channel: 1, pieces: [1, 2, 3] },
    { type: "have", channel: 1, pieces: [19] },
    { type: "granted", channel: 1, piece: 1, lengthBytes: 10 },
    { type: "busy", channel: 1, piece: 1, retryAfterMs: 5 },
    { type: "refused", channel: 1, code: "not-found", message: "no" },
  ],
};

/** What the frames were, or how they were wrong, whichever way the bytes came. */
function decoded(from: Side, chunks: Iterable<Buffer>): string {
  const decoder = new FrameDecoder(from);
  const seen: string[] = [];
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      for (;;) {
        if (decoder.bodyBytes > 0) decoder.takeBody();
        const frame = decoder.next();
        if (frame === undefined) break;
        seen.push(frame.type);
      }
    }
  } catch (error) {
    if (!(error instanceof DragonflyError)) throw error;
    seen.push(error.message);
  }
  return seen.join();
}

function* bytesOf(input: Buffer): Iterable<Buffer> {
  for (let at = 0; at < input.length; at++) yield input.subarray(at, at + 1);
}

function frameTarget(from: Side): FuzzTarget {
  return {
    name: `frames of a ${from}, whole and byte by byte`,
    seeds: [Buffer.concat(frames[from].map(encodeFrame)), ...frames[from].map(encodeFrame)],
    run: (input) => {
      const [whole, dripped] = [decoded(from, [input]), decoded(from, bytesOf(input))];
      if (whole !== dripped) throw new Error(`whole: ${whole}; byte by byte: ${dripped}`);
    },
  };
}

/** A parser of text whose own way to refuse is by result. */
const textTarget = (name: string, seeds: readonly string[], run: (text: string) => unknown): FuzzTarget => ({
  name,
  seeds,
  run: (input) => run(input.toString("utf8")),
});

/** JSON that is none is its reader's business, not that of the guard behind it. */
function jsonTarget(name: string, seeds: readonly string[], run: (json: unknown) => unknown): FuzzTarget {
  return textTarget(name, seeds, (text) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new DragonflyError("bad-usage", "no JSON");
    }
    return run(json);
  });
}

async function issuedIdentity(): Promise<Identity> {
  const [library, key] = [await loadX509(), await newHostKey()];
  const authority = await selfSigned(library, { name: "CN=fuzz", lifeMs: 86_400_000, extensions: [] });
  const { id, publicKey } = await readCertificateRequest(await certificateRequest(key));
  const issuer = { key: createPrivateKey(authority.key), pem: authority.cert };
  const names = [{ type: "url", value: certifiedName("host", id) } as const];
  const leaf = { subject: `CN=${id}`, publicKey, names, lifeMs: 3_600_000, nowMs: Date.now(), client: true };
  return { key, cert: await signLeaf(library, issuer, leaf), authorities: [authority.cert] };
}

export const fuzzTargets: readonly FuzzTarget[] = [
  textTarget("control messages of a daemon", fromDaemon, (text) => parseFromDaemon(text, open)),
  textTarget("control messages of a supernode", fromSupernode, (text) => parseFromSupernode(text, open)),
  frameTarget("dialler"),
  frameTarget("server"),
  textTarget("manifests", texts({ type: "manifest", version, manifest }), (text) => {
    const message = parseFromSupernode(text, open);
    if (message.type !== "manifest") return;
    const taken = new Manifest(version, 65_536);
    if (message.manifest.batch !== undefined) taken.accept(message.manifest.batch, keys.publicKey);
    if (message.manifest.seal !== undefined) taken.acceptSeal(message.manifest.seal, keys.publicKey);
    const unlike = taken.known.count > 0 && [0, 1, 2, 3, 4].some((piece) => taken.digestOf(piece)?.[0] !== piece);
    if (unlike) throw new Error("an altered digest was taken");
  }),
  textTarget("tokens", [formatToken(token), `${formatToken({ ...token, expiresAtMs: 5, uses: 2 })}\n`], (text) => {
    const parsed = parseToken(text);
    if (JSON.stringify(parseToken(formatToken(parsed))) !== JSON.stringify(parsed)) throw new Error("it reads as two");
    for (const address of parsed.supernodes) if (/[\s/@]/.test(address)) throw new Error("it leads elsewhere");
  }),
  textTarget("certificates of a supernode", [ownIdentity.cert], (cert) => {
    const read = readIdentity({ ...ownIdentity, cert });
    if (!new X509Certificate(read.cert).raw.equals(new X509Certificate(ownIdentity.cert).raw))
      throw new Error("an altered certificate was taken");
  }),
  textTarget("certificate requests", [await certificateRequest(ownIdentity.key)], async (pem) => {
    const { id } = await readCertificateRequest(pem);
    if (id !== hostIdOfKey(ownIdentity.key)) throw new Error("it is taken for another host's");
  }),
  jsonTarget(
    "preheats",
    texts(
      { type: "file", url: "http://h/", to: "2", headers: { a: "b" }, tag: "t", filter: ["c"] },
      { type: "image", url: "h/a:b", platforms: ["linux/amd64"], username: "u", password: "p" },
    ),
    parsePreheatRequest,
  ),
  textTarget("targets of a tunnel", ["h.example:443", "[::1]:1"], tunnelTarget),
  textTarget("freshness", ["no-cache, max-age=5", 'private="a", s-maxage=9'], (text) => {
    const ms = freshForMs(text, 3000);
    if (!(ms >= 0 && ms <= 3000)) throw new Error(`it is fresh for ${ms} ms`);
  }),
  { name: "types of manifests", seeds: texts({ mediaType: "a/b", manifests: [], config: {} }), run: manifestType },
  textTarget("events", [eventText("snapshot", "{}") + eventText("patch", "1")], (text) =>
    new EventDecoder().push(text),
  ),
  textTarget("platforms", ["linux/arm64/v8"], parsePlatform),
  jsonTarget("sealed messages", texts(sender.seal({ type: "token", token: "t" })), (json) => {
    receiver.sealFor(sender.publicKey);
    return receiver.open(json);
  }),
  textTarget("range headers", ["bytes=0-1", "bytes=0-1,5-,-7", "bytes 0-1/2", "bytes */9", "0-99"], (text) => {
    requestedPart({ range: text }, { length: 1000, etag: "e" });
    parseContentRange(text);
    parseByteRange(text);
  }),
  textTarget("image references", ["docker.io/library/a:b", `h:5000/a/b@sha256:${task}`, "oci://a"], (text) =>
    parseImageReference(text),
  ),
  textTarget("registry paths", [`/v2/a/b/blobs/sha256:${task}`, "/v2/a/manifests/latest", "/v2/"], registryPath),
  textTarget("challenges", ['Bearer realm="http://h/t",service="s",scope="a:b:c"', 'Basic realm="x"'], parseChallenges),
  {
    name: "image manifests",
    seeds: texts({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [{ digest: `sha256:${task}`, size: 5, platform: { os: "linux", architecture: "amd64" } }],
    }),
    run: parseImageManifest,
  },
  textTarget(
    "TOML",
    ['version = 2\n[plugins."a".b]\nc = ["d", \'e\'] # f\n[[x]]\ny = """z"""\n', "a.b = 0x1\n[c]\n"],
    (text) => {
      scanToml("config.toml", text);
      addConfigPath("config.toml", text);
    },
  ),
  textTarget(
    "records of edits",
    texts({ files: [{ path: "/a", before: null, after: "x", hunk: { line: 0, removed: [], inserted: ["x"] } }] }),
    (text) => parseRecord("r", text),
  ),
  jsonTarget(
    "download requests",
    texts({
      url: "http://h/",
      headers: { a: "b" },
      backToSource: true,
      order: "any",
      range: "0-1",
      digest: `sha256:${task}`,
    }),
    readDownloadRequest,
  ),
  jsonTarget(
    "lines of the local API",
    texts(
      {
        type: "progress",
        bytes: 1,
        length: null,
        pieces: [[0, 1]],
        from: { peers: 0, supernode: 0, origin: 0 },
        peers: 0,
        rateBytesPerSecond: 1.5,
      },
      { type: "failed", error: { code: "x", message: "y" } },
    ),
    readDownloadEvent,
  ),
  textTarget(
    "URLs",
    ["http://u:p@h:1/a%20b?c=d&X-Amz-Signature=e#f", "https://[::ffff:1.2.3.4]/", "http://0x7f.1/"],
    (text) => {
      publicUrl(text);
      const { originUrl } = taskKey({ url: text, headers: {}, filter: ["c"] });
      refusalOfHost([], false, new URL(originUrl));
    },
  ),
  textTarget("addresses", ["127.0.0.1:1", "[::1]:2", ":3"], (text) => parseAddress(text)),
  textTarget("supernodes", ["http://h:1", "h", "[::1]:2"], supernodeUrl),
  textTarget("fetch rules", ["allow *.a.b,deny http://*", "deny 10.0.0.0/8", "allow [fd00::]/8"], (text) =>
    fetchRules.parse(text),
  ),
  textTarget("host patterns", ["a.b", "*.a.b:443", "1.2.3.4"], (text) => hostPatterns.parse(text)),
  textTarget("sizes", ["64MiB", "10G"], parseSize),
  textTarget("rates", ["20MB/s", "200Mbps"], parseRate),
  textTarget("durations", ["1h30m", "250ms"], parseDuration),
  {
    name: "journals",
    seeds: [
      Buffer.concat([
        encodeHeader("boot"),
        encodeRecords([
          { index: 0, digest: Buffer.alloc(32, 1) },
          { index: 7, digest: Buffer.alloc(32, 2) },
        ]),
      ]),
    ],
    run: parseJournal,
  },
  textTarget(
    "version files",
    texts({ version: { id: version, taskId: task, url: "http://h/", length: 5, pieceLength: 65_536 } }),
    parseVersionFile,
  ),
  {
    name: "answers to an upgrade",
    seeds: [upgradeAccepted, "HTTP/1.1 503 x\r\n\r\n"],
    run: (input) => new UpgradeReply().read(input),
  },
];
