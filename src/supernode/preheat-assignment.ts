// What is to be fetched for a preheat, content by content: what may be shown of each, and how it is asked for with credentials that hold at
// that moment. Assignments live as long as their preheat runs; nothing else holds its credentials.

import { createHash } from "node:crypto";
import { DragonflyError } from "../core/error.ts";
import { digestTask } from "../image/content.ts";
import { contentRequest, manifestAccept } from "../image/content-request.ts";
import type { ImageAccess } from "../image/image-access.ts";
import { type ImageContent, imageContents } from "../image/image-contents.ts";
import type { ImageReference } from "../image/reference.ts";
import { urlAt } from "../image/registries.ts";
import { type Digest, isDigest } from "../image/registry-path.ts";
import type { DoorResponse } from "../net/http-door.ts";
import { refusal } from "../origin/origin-error.ts";
import { type TaskRequest, taskKey } from "../wire/task-key.ts";
import type { Order } from "./host-orders.ts";
import type { FileSource, ImageSource } from "./preheat-request.ts";

/** Safe to be shown. */
export interface PreheatContent {
  readonly kind: "file" | "manifest" | "blob";
  readonly url: string;
  readonly digest: Digest | null;
  /** In bytes; null where only the origin knows. */
  readonly length: number | null;
}

export interface Assignment {
  readonly content: PreheatContent;
  ask(signal: AbortSignal): Promise<{ readonly task: TaskRequest; readonly order: Omit<Order, "length"> }>;
  /** The origin refused the credentials. Whether there may be fresh ones. */
  renew(): boolean;
}

export interface ImageReader {
  readonly access: ImageAccess;
  readonly readManifest: (assignment: Assignment) => Promise<Uint8Array>;
  readonly signal: AbortSignal;
}

const maxManifestBytes = 8 << 20;

export function fileAssignment({ task }: FileSource): Assignment {
  const { url, headers, tag } = task;
  const order = { url, headers: { ...headers }, tag, filter: [...(task.filter ?? [])] };
  return {
    content: { kind: "file", url: taskKey(task).displayUrl, digest: null, length: null },
    ask: async () => ({ task, order }),
    renew: () => false,
  };
}

/** All that a pull of the image fetches, each by the request that a pull makes. Errors: those of the registry, `not-found` for a platform. */
export async function imageAssignments(source: ImageSource, reader: ImageReader): Promise<readonly Assignment[]> {
  const { reference, platforms } = source;
  const assign = (content: ImageContent): Assignment => imageAssignment(reference, content, reader.access);
  const top = await resolve(reference, reader);
  const contents = await imageContents(top, platforms, (digest, length) =>
    reader.readManifest(assign({ kind: "manifest", digest, length })),
  );
  return contents.map(assign);
}

function imageAssignment({ name }: ImageReference, content: ImageContent, access: ImageAccess): Assignment {
  const { kind, digest, length } = content;
  const { registry, claim } = access;
  const { rights } = claim;
  const path = { kind, name, digest };
  const { url } = contentRequest(registry, path, { rights });
  let shown: string | undefined;
  let isRefused = false;
  return {
    content: { kind, url, digest, length },
    ask: async (signal) => {
      const other = isRefused ? await claim.renewed({ authorization: shown, challenge: undefined }, signal) : undefined;
      isRefused = false;
      const authorization = other ?? (await claim.authorization(signal));
      shown = authorization;
      const request = contentRequest(registry, path, { rights, authorization });
      const { ca, insecureOrigin } = request;
      return {
        task: digestTask(request),
        order: { url, headers: { ...request.headers }, contentDigest: digest, rights, ca, insecureOrigin },
      };
    },
    renew: () => {
      isRefused = true;
      return true;
    },
  };
}

/** The digest that the reference names now. It is asked for a digest too: that is how the registry says which login it wants. */
async function resolve({ name, wanted }: ImageReference, { access, signal }: ImageReader): Promise<Digest> {
  const reference = wanted.kind === "tag" ? wanted.tag : wanted.digest;
  const url = urlAt(access.registry, `/v2/${name}/manifests/${reference}`);
  const asked = { url, headers: { accept: manifestAccept() }, signal };
  const head = await access.request({ ...asked, method: "HEAD" });
  head.body.destroy();
  if (head.status !== 200) throw refused(head, url);
  if (wanted.kind === "digest") return wanted.digest;
  const said = head.headers["docker-content-digest"];
  if (isDigest(said)) return said;
  const answer = await access.request(asked);
  if (answer.status !== 200) {
    answer.body.destroy();
    throw refused(answer, url);
  }
  return digestOf(answer);
}

async function digestOf(answer: DoorResponse): Promise<Digest> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.length;
    if (bytes > maxManifestBytes) throw new DragonflyError("origin-refused", "the manifest is too large");
  }
  return `sha256:${hash.digest("hex")}`;
}

function refused(answer: DoorResponse, url: string): DragonflyError {
  const error = refusal(answer, url, Date.now());
  // The advice after the semicolon is for users of dfget.
  const [message = ""] = error.message.split("; ");
  const advice = answer.status === 401 ? ": give a user name and password that may read it" : "";
  const { originStatus, retryAfterMs } = error;
  return new DragonflyError("origin-refused", `${message}${advice}`, {
    ...(originStatus === undefined ? {} : { originStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
