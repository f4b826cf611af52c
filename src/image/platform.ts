// Platforms as image indexes name them (OCI image specification, "Image Index"), and which of them somebody means.

import { DragonflyError } from "../core/error.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** Other names of architectures, and the variant that is meant where none is named, as containerd normalises them. */
const aliases: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", i386: "386" };
const usualVariants: Readonly<Record<string, string>> = { arm64: "v8", arm: "v7", amd64: "v1" };

/** `linux/amd64`, `linux/arm64/v8`. Errors: `bad-usage`. */
export function parsePlatform(text: string): Platform {
  const match = /^([a-z0-9]+)\/([a-z0-9_-]+)(?:\/([a-z0-9.]+))?$/.exec(text.trim().toLowerCase());
  if (match === null) {
    throw new DragonflyError("bad-usage", `"${text.slice(0, 60)}" is not a platform: write it as linux/amd64`);
  }
  const [, os = "", architecture = "", variant] = match;
  return { os, architecture: aliases[architecture] ?? architecture, ...(variant === undefined ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined || variant === "" ? [] : [variant])].join("/");
}

/** Whoever names no variant means every one. */
export function matchesPlatform(has: Platform, wanted: Platform): boolean {
  if (has.os !== wanted.os || (aliases[has.architecture] ?? has.architecture) !== wanted.architecture) return false;
  return wanted.variant === undefined || variantOf(has) === wanted.variant;
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant === undefined || variant === "" ? usualVariants[architecture] : variant;
}
