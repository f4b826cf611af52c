// What this process does for somebody, as spans of that one's trace (W3C Trace Context, OpenTelemetry). Where no collector is named
// nothing is loaded and nothing is kept.

export interface Span {
  /** For whom this process asks next: the value of their `traceparent`; undefined where there is no trace. */
  readonly traceparent: string | undefined;
  /** Only the first end of a span counts. */
  end(): void;
  /** Ends with what went wrong. */
  fail(error: Error): void;
}

export interface SpanOptions {
  /** The `traceparent` of whoever asked; one that says nothing begins a trace. */
  readonly parent?: string | undefined;
  readonly kind: "client" | "server";
  /** Never credentials. */
  readonly attributes?: Readonly<Record<string, string | number>>;
}

export interface Tracer {
  start(name: string, options: SpanOptions): Span;
  /** Tells the collector what it has not heard yet, for some seconds at most. */
  close(): Promise<void>;
}

/** Where this process tells nothing, a trace still goes through it. */
export const noTracer: Tracer = {
  start: (_name, { parent }) => ({ traceparent: parent, end: nothing, fail: nothing }),
  close: async () => {},
};

/** One for a collector that the standard variables name: `OTEL_EXPORTER_OTLP_ENDPOINT`, or the like for traces alone. */
export async function openTracer(service: string, env: Readonly<Record<string, string | undefined>>): Promise<Tracer> {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED === "true" || env.OTEL_TRACES_EXPORTER === "none") return noTracer;
  const { OtlpTracer } = await import("./otlp-tracer.ts");
  return new OtlpTracer(env.OTEL_SERVICE_NAME || service);
}

/** Runs `work` as a span. */
export async function traced<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    span.end();
    return result;
  } catch (error) {
    span.fail(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function nothing(): void {}
