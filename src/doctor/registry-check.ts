// Whether the registries that the daemon mirrors answer, and the mirror itself.

import { readFile } from "node:fs/promises";
import { HttpDoor, type Trust } from "../net/http-door.ts";
import type { Environment } from "../net/proxy-settings.ts";
import { type Address, formatAddress } from "../runtime/address.ts";
import type { DaemonConfig } from "../runtime/daemon-config.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

const timeoutMs = 5000;

/** `environment`: with the variables of the proxy that the machine may need to reach them. */
export async function checkRegistries(
  { registry, registries }: Pick<DaemonConfig, "registry" | "registries">,
  environment: Environment,
): Promise<readonly Finding[]> {
  const door = new HttpDoor({ environment, connectTimeoutMs: timeoutMs, silenceTimeoutMs: timeoutMs });
  const configured = registry !== undefined && !registries.some(({ url }) => url === registry);
  const all = [...(configured ? [{ url: registry, insecure: false, caFile: undefined }] : []), ...registries];
  try {
    return await Promise.all(
      all.map(async ({ url, insecure, caFile }) => {
        const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8").catch(() => undefined);
        if (caFile !== undefined && ca === undefined) {
          return fail("registry", `${caFile} cannot be read`, `put the authority of ${url} there`);
        }
        return checkRegistry(door, url, { insecure, ca });
      }),
    );
  } finally {
    await door.close();
  }
}

/** A registry answers 200, or 401 where one has to log in (OCI distribution, "Determining Support"). */
async function checkRegistry(door: HttpDoor, url: string, trust: Trust): Promise<Finding> {
  try {
    const status = await statusOf(door, `${url.replace(/\/v2(?:\/.*)?$/, "")}/v2/`, trust);
    if (status === 200 || status === 401)
      return ok("registry", `${url} answers${status === 401 ? ", with a login" : ""}`);
    return warn("registry", `${url} answers HTTP ${status} at /v2/`, "see that it is a registry, and its URL");
  } catch (error) {
    const todo = "see its name, its certificate (ca) and that this machine reaches it, by a proxy if it needs one";
    return fail("registry", `${url} does not answer (${reasonOf(error)})`, todo);
  }
}

/** Where engines pull: asked only while a daemon runs. */
export async function checkProxy(proxy: Address): Promise<Finding> {
  const url = `http://${formatAddress({ ...proxy, host: proxy.host === "0.0.0.0" ? "127.0.0.1" : proxy.host })}`;
  const door = new HttpDoor({ connectTimeoutMs: timeoutMs, silenceTimeoutMs: timeoutMs });
  try {
    const status = await statusOf(door, `${url}/v2/`, {});
    if (status < 500) return ok("proxy", `${url} answers`);
    return warn(
      "proxy",
      `${url} answers HTTP ${status}`,
      "see what is said of the registry; the daemon's log says more",
    );
  } catch (error) {
    const todo = "see the lines about ports; restart the daemon with this --proxy";
    return fail("proxy", `${url} does not answer (${reasonOf(error)})`, todo);
  } finally {
    await door.close();
  }
}

async function statusOf(door: HttpDoor, url: string, trust: Trust): Promise<number> {
  const { status, body } = await door.request(url, { trust, signal: AbortSignal.timeout(timeoutMs) });
  body.on("error", () => {}).destroy();
  return status;
}
