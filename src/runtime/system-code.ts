// The operating system's name of a failure.

/** What the operating system calls this failure, such as `ENOENT`; undefined for what is none of its. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
