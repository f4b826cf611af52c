// Spans for an OpenTelemetry collector, over OTLP as JSON. The exporter reads the standard variables itself: endpoint, headers, timeout.

import {
  BasicTracerProvider,
  BatchSpanProcessor,
  OTLPTraceExporter,
  ROOT_CONTEXT,
  resourceFromAttributes,
  SpanKind,
  SpanStatusCode,
  trace,
} from "./otlp-classes.ts";
import { packageVersion } from "./package-version.ts";
import type { Span, SpanOptions, Tracer } from "./tracing.ts";

/** A collector that does not answer must not keep a program that is done. */
const exportTimeoutMs = 2000;
const maxWaitingSpans = 2048;

export class OtlpTracer implements Tracer {
  readonly #provider: BasicTracerProvider;

  constructor(service: string) {
    const exporter = new OTLPTraceExporter({ timeoutMillis: exportTimeoutMs });
    this.#provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ "service.name": service, "service.version": packageVersion }),
      spanProcessors: [
        new BatchSpanProcessor(exporter, {
          exportTimeoutMillis: exportTimeoutMs,
          scheduledDelayMillis: 1000,
          maxQueueSize: maxWaitingSpans,
        }),
      ],
    });
  }

  start(name: string, { parent, kind, attributes = {} }: SpanOptions): Span {
    const parentContext = spanContextOf(parent);
    const context = parentContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parentContext);
    const options = { kind: kind === "client" ? SpanKind.CLIENT : SpanKind.SERVER, attributes };
    const span = this.#provider.getTracer("dragonfly-p2p").startSpan(name, options, context);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
      end() {
        if (span.isRecording()) span.end();
      },
      fail(error) {
        if (!span.isRecording()) return;
        span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
        if ("code" in error && typeof error.code === "string") span.setAttribute("error.type", error.code);
        span.end();
      },
    };
  }

  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => {});
  }
}

/** W3C Trace Context, section 3.2.2; undefined for what is none. */
function spanContextOf(traceparent: string | undefined) {
  const [, traceId, spanId, flags] =
    /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
