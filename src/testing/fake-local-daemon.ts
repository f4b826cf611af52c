// A daemon's local API over a real socket, played by a script: what dfget is tested against.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { DownloadRequest } from "../wire/local-api.ts";

/** Writes one line of the answer. */
export type Send = (event: object) => void;

export interface FakeDaemonScript {
  /** Plays the answer to a download; when it resolves, the answer ends. */
  play(send: Send, request: DownloadRequest): Promise<void> | void;
  /** Refuses downloads with this problem instead. */
  readonly problem?: { readonly status: number; readonly code: string; readonly detail: string };
  /** What the content route serves. */
  readonly content?: Buffer;
  readonly supernodes?: readonly string[];
}

export class FakeLocalDaemon {
  readonly requests: DownloadRequest[] = [];
  /** Ranges asked of the content route. */
  readonly ranges: string[] = [];
  /** Resolves when a downloading client has gone before its answer ended. */
  readonly clientGone: Promise<void>;
  #tellGone: () => void = () => {};
  readonly #script: FakeDaemonScript;
  readonly #server: Server;

  private constructor(script: FakeDaemonScript) {
    this.#script = script;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.clientGone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
  }

  static async start(socket: string, script: FakeDaemonScript): Promise<FakeLocalDaemon> {
    const daemon = new FakeLocalDaemon(script);
    daemon.#server.listen(socket);
    await once(daemon.#server, "listening");
    return daemon;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (path === "/api/v1/status")
      return void response.end(JSON.stringify({ supernodes: this.#script.supernodes ?? [], version: "0" }));
    if (path.endsWith("/content")) return this.#serveContent(request, response);
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += String(chunk);
    const asked: DownloadRequest = JSON.parse(body);
    this.requests.push(asked);
    const { problem } = this.#script;
    if (problem !== undefined) {
      const { status, code, detail } = problem;
      response.writeHead(status, { "content-type": "application/problem+json" });
      return void response.end(
        JSON.stringify({ type: "about:blank", title: code, status, detail, code, blame: "caller" }),
      );
    }
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.flushHeaders();
    response.once("close", () => {
      if (!response.writableFinished) this.#tellGone();
    });
    await this.#script.play((event) => response.write(`${JSON.stringify(event)}\n`), asked);
    response.end();
  }

  #serveContent(request: IncomingMessage, response: ServerResponse): void {
    const range = request.headers.range ?? "";
    this.ranges.push(range);
    const [, first = "0", last = "0"] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    response.writeHead(206);
    response.end(this.#script.content?.subarray(Number(first), Number(last) + 1));
  }
}
