// What a preheat can be asked for, as the API takes it: checked, and parted into what may be shown and what may not.

import { z } from "zod";
import { DragonflyError } from "../core/error.ts";
import { type PreheatTarget, parsePreheatTarget } from "../core/preheat-hosts.ts";
import { type Platform, parsePlatform } from "../image/platform.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../image/reference.ts";
import { basicAuthorization, type Credentials } from "../image/registry-credentials.ts";
import { type TaskRequest, taskKey } from "../wire/task-key.ts";

export interface PreheatRequest {
  readonly to: PreheatTarget;
  /** Safe to be shown. */
  readonly url: string;
  readonly source: FileSource | ImageSource;
}

export interface FileSource {
  readonly type: "file";
  /** With credentials, as they were given. */
  readonly task: TaskRequest;
}

export interface ImageSource {
  readonly type: "image";
  readonly reference: ImageReference;
  /** None: all of them. */
  readonly platforms: readonly Platform[];
  readonly login: Credentials | undefined;
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Those that the download itself sets. */
const reserved = /^(?:range|if-.*|content-length|transfer-encoding|connection|upgrade|te|host|proxy-.*)$/i;

const common = {
  url: z.string().min(1).max(65_536),
  to: z.string().max(16).default("seeds"),
  username: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^[^:]*$/, "a user name holds no colon")
    .optional(),
  password: z.string().max(65_536).optional(),
};
const headers = z
  .record(z.string().regex(headerName), z.string().max(65_536).regex(headerValue))
  .refine((given) => Object.keys(given).length <= 64, "there are more than 64")
  .refine((given) => !Object.keys(given).some((name) => reserved.test(name)), "some are set by the download itself");
export const preheatBody = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("file"),
    ...common,
    headers: headers.default({}),
    tag: z.string().max(4096).optional(),
    filter: z.array(z.string().max(256)).max(64).default([]),
  }),
  z.strictObject({
    type: z.literal("image"),
    ...common,
    platforms: z.array(z.string().max(100)).max(64).default([]),
    plainHttp: z.boolean().default(false),
  }),
]);

/** Errors: `bad-usage`, which repeats nothing that may be secret. */
export function parsePreheatRequest(value: unknown): PreheatRequest {
  const result = preheatBody.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? "the preheat" : String(issue.path[0]);
    throw new DragonflyError(
      "bad-usage",
      `${where}: ${issue?.code === "invalid_format" ? "not understood" : (issue?.message ?? "unknown")}`,
    );
  }
  const { data } = result;
  const to = parsePreheatTarget(data.to);
  if (to === undefined) throw new DragonflyError("bad-usage", `to: "${data.to}" is none of seeds, all or PERCENT%`);
  const login = loginOf(data);
  if (data.type === "image") {
    const reference = parseImageReference(data.url, data.plainHttp);
    const platforms = data.platforms.map(parsePlatform);
    return { to, url: formatImageReference(reference), source: { type: "image", reference, platforms, login } };
  }
  const { url, tag, filter } = data;
  const task = { url, headers: { ...data.headers, ...basic(login, data.headers) }, tag, filter };
  return { to, url: taskKey(task).displayUrl, source: { type: "file", task } };
}

function loginOf({
  username,
  password,
}: {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}) {
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    throw new DragonflyError("bad-usage", "username and password belong together: give both or none");
  }
  return { kind: "password", username, password } as const;
}

function basic(login: ReturnType<typeof loginOf>, given: Readonly<Record<string, string>>): Record<string, string> {
  if (login === undefined) return {};
  if (Object.keys(given).some((name) => name.toLowerCase() === "authorization")) {
    throw new DragonflyError("bad-usage", "a user name and an Authorization header contradict each other");
  }
  return { Authorization: basicAuthorization(login.username, login.password) };
}
