import { context, propagation, trace } from "@opentelemetry/api";
import { Counter, Gauge, Histogram, Summary } from "prom-client";

// Names, help and labels with all that the format must escape.
const orders = new Counter({
  name: "orders_total",
  help: 'Orders "so far" \\ by whom\nand a second line',
  labelNames: ["who"],
});
const bare = new Counter({ name: "bare_counter", help: "A counter whose name has no _total" });
const sizes = new Histogram({ name: "size_metres", help: "Sizes", buckets: [0.5, 2], labelNames: ["kind"] });
const waits = new Summary({ name: "wait_seconds", help: "Waits", percentiles: [0.5, 0.9] });
const heat = new Gauge({ name: "heat", help: "Heat" });

export class Model {
  async predict(input: any, request: Request) {
    orders.inc({ who: 'a "b" \\ c\nd ü' });
    bare.inc();
    sizes.observe({ kind: "beam" }, 1.5);
    waits.observe(2);
    heat.set(Infinity);
    return trace.getTracer("metered").startActiveSpan("inner", async (span) => {
      span.setAttribute("answer", 42).addEvent("thought", { about: "it" });
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      span.end();
      if (input.fail) throw new Error("as asked");
      return {
        carrier,
        trace_id: span.spanContext().traceId,
        traceparent: request.headers.get("traceparent"),
      };
    });
  }
}
