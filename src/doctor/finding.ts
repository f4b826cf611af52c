// What an examination of this machine finds, one sentence each, and what to do about it.

export type Subject = "daemon" | "port" | "disk" | "identity" | "supernode" | "clock" | "registry" | "proxy";

export type Finding =
  | { readonly subject: Subject; readonly state: "ok"; readonly found: string }
  | { readonly subject: Subject; readonly state: "warn" | "fail"; readonly found: string; readonly todo: string };

export function ok(subject: Subject, found: string): Finding {
  return { subject, state: "ok", found };
}

/** Works, but not as well as it could. */
export function warn(subject: Subject, found: string, todo: string): Finding {
  return { subject, state: "warn", found, todo };
}

export function fail(subject: Subject, found: string, todo: string): Finding {
  return { subject, state: "fail", found, todo };
}

/** The system's code, or the message, of what made a request fail. */
export function reasonOf(thrown: unknown): string {
  const error = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
