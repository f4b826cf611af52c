// A web server whose files come from the swarm: `npm run build && node examples/serve-from-the-swarm.js https://files.example.com 8080`, then
// `curl -O http://127.0.0.1:8080/model.bin`, or a part: `curl -r 1000- …`. Bytes are passed on while they arrive, and verified before.
// Asks the daemon of this machine and starts one where none runs, as dfget does.

import { download } from "dragonfly-p2p";
import Fastify from "fastify";

const [origin, port = "8080"] = process.argv.slice(2);
if (origin === undefined) throw new Error("say where the files are: node examples/serve-from-the-swarm.js ORIGIN PORT");

const socket = process.env.DRAGONFLY_SOCKET;
const server = Fastify({ exposeHeadRoutes: false });

server.get("/*", async (request, reply) => {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const range = first && `${first}-${last}`;
  // When the client goes away, Fastify destroys the stream, and that stops the download.
  const { stream, length } = await download(`${origin}${request.url}`, { as: "stream", range, socket });
  if (length !== null) reply.header("content-length", length);
  if (range) reply.code(206).header("content-range", `bytes ${first}-${Number(first) + length - 1}/*`);
  return reply.type("application/octet-stream").send(stream);
});

server.setErrorHandler(({ originStatus, status, message }, _request, reply) => {
  reply.code(originStatus ?? status ?? 500).send(`${message}\n`);
});

console.log(`serving ${origin} on ${await server.listen({ port: Number(port) })}`);
