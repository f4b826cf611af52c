// One request to a supernode's HTTP API, over TLS where it is known by its authority: whoever shows that authority's certificate is the
// supernode, by whichever name or address it is reached.

import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { PeerCertificate } from "node:tls";
import { DragonflyError } from "../core/error.ts";
import { supernodeIdentityProblem } from "./credentials.ts";

export interface SupernodeRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  /** Sent as a bearer token, to an `https:` URL alone. */
  readonly token?: string | undefined;
  /** PEM; needed for an `https:` URL. */
  readonly authority?: string | undefined;
  readonly timeoutMs: number;
}

export interface SupernodeAnswer {
  readonly status: number;
  /** Its clock, as HTTP says it (RFC 9110, section 6.6.1). */
  readonly date: string | undefined;
  readonly body: string;
}

const maxAnswerBytes = 256 << 20;

/** `url` is `http://host:port` or `https://host:port`. Rejects with the system's error when none answers; `protocol-violation`. */
export function askSupernode(url: string, asked: SupernodeRequest): Promise<SupernodeAnswer> {
  const { method, path, body, token, authority, timeoutMs } = asked;
  const secure = url.startsWith("https:");
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    ...(token === undefined || !secure ? {} : { authorization: `Bearer ${token}` }),
  };
  const trust = {
    ca: authority ?? [],
    minVersion: "TLSv1.3",
    checkServerIdentity: (_name: string, certificate: PeerCertificate) => supernodeIdentityProblem(certificate),
  } as const;
  const common = { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) } as const;
  return new Promise((resolve, reject) => {
    const target = new URL(path, url);
    const sent = secure ? requestSecure(target, { ...common, ...trust }) : requestPlain(target, common);
    sent.once("error", reject);
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > maxAnswerBytes)
          sent.destroy(new DragonflyError("protocol-violation", `${url} sent too long an answer`));
      });
      response.once("error", reject);
      response.once("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          date: response.headers.date,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.end(text);
  });
}

/** The error in an answer that is none: problem details (RFC 9457), or what can be said without. */
export function refusalIn({ status, body }: Pick<SupernodeAnswer, "status" | "body">, url: string): DragonflyError {
  let problem: unknown;
  try {
    problem = JSON.parse(body);
  } catch {
    return new DragonflyError("protocol-violation", `${url} is no supernode: it answered HTTP ${status} without JSON`);
  }
  const { code, detail, title } = (problem ?? {}) as Readonly<Record<string, unknown>>;
  const message = [detail, title].find((one) => typeof one === "string" && one !== "");
  return DragonflyError.fromWire({
    code: typeof code === "string" ? code : status === 404 ? "not-found" : "internal",
    message: typeof message === "string" ? message : `${url} answered HTTP ${status}`,
  });
}
