// What an origin says of its content, as a version.

import { randomBytes } from "node:crypto";
import { choosePieceLength, type VersionRecord } from "../core/version.ts";
import { type TaskKey, versionIdOf } from "./task-key.ts";

export interface OriginFacts {
  readonly length: number | null;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly representation?: Readonly<Record<string, string>> | undefined;
}

/** Whether the origin says nothing that tells this content from another. */
export function isNameless({ etag, lastModified }: Pick<OriginFacts, "etag" | "lastModified">): boolean {
  return etag === undefined && lastModified === undefined;
}

/**
 * Content without a validator is like no other: its name is drawn, and it is never taken for the same again. What a
 * digest names has one version, whatever validators each place gives it.
 */
export function versionRecord(
  { id: taskId, displayUrl: url, audience, digest }: Pick<TaskKey, "id" | "displayUrl" | "audience" | "digest">,
  { length, etag, lastModified, representation }: OriginFacts,
): VersionRecord {
  const validator = digest ?? etag ?? lastModified ?? randomBytes(16).toString("hex");
  return {
    id: versionIdOf(taskId, digest === undefined ? length : null, validator),
    taskId,
    url,
    length,
    pieceLength: choosePieceLength(length),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(representation === undefined ? {} : { representation }),
    ...(audience === "" ? {} : { audience }),
    ...(digest === undefined ? {} : { digest }),
  };
}
