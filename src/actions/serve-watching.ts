import { join } from "node:path";
import type { ExampleDifference } from "../protocol/control.ts";
import { createServingTree } from "../supervise/serving-tree.ts";
import { LiveBuilder } from "./build-steps/live-builder.ts";
import { looksInside } from "./serve-steps/debugging-env.ts";
import { runToEnd, type ServeOptions, startServing } from "./serve.ts";
import { createLocalTarget } from "./watch-steps/local-target.ts";
import { ExampleNews } from "./watch-steps/example-news.ts";
import { keepAnswers } from "./watch-steps/keep-answers.ts";
import { watchProject } from "./watch-project.ts";

/** Serves a project and follows every save, until it is stopped. */
export async function serveWatching(options: ServeOptions): Promise<void> {
  const { target: dir, report, keys } = options;
  const tree = createServingTree(dir, { mapsToProject: looksInside(options) });
  const builder = await LiveBuilder.create({ dir, report, signal: options.signal });
  try {
    const built = await builder.first();
    const first = tree.add(built.dir);
    builder.wentLive();
    let broken = true;
    let url = "";
    let differences: readonly ExampleDifference[] = [];
    const examples = new ExampleNews({ report, keys: keys !== undefined });
    const tellLive = (): void =>
      report.emit({
        type: "live",
        url,
        digest: broken ? null : builder.liveDigest,
        replicas: broken ? 0 : 1,
        keys: keys !== undefined,
      });
    const runtime = startServing(
      first,
      {
        ...options,
        onEvent(event) {
          if (event.type === "ready") broken = false;
          if (event.type === "listening") url = event.url;
          if (event.type === "examples") differences = event.differences;
          options.onEvent?.(event);
          if (event.type === "ready") examples.tell(differences);
          if (event.type === "ready" || event.type === "failed") tellLive();
        },
      },
      join(dir, ".env"),
    );
    const target = createLocalTarget({
      dir,
      tree,
      runtime,
      first,
      isBroken: () => broken,
      differences: () => differences,
    });
    const watch = await watchProject({ dir, builder, report, target, examples, onLive: tellLive });
    const forget = keys?.listen({
      reload: () => watch.reload("asked for", { anew: true }),
      keepAnswers: keepAnswers(dir, report, options.signal),
      url: () => url,
    });
    // Once it serves; a model that cannot be loaded is about to be edited anyway.
    runtime.ready.then(() => setImmediate(() => builder.prepare())).catch(() => {});
    try {
      await runToEnd(runtime, options.signal, { staysWhenBroken: true });
    } finally {
      forget?.();
      await watch.close();
    }
  } finally {
    await builder.dispose();
    tree.dispose();
  }
}
