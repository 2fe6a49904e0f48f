/** Another model with the profiler on from construction to shutdown: lib/package.mjs puts it beside as inner.mjs. */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { Model as Inner } from "./inner.mjs";

export class Model extends Inner {
  #session = new Session();
  #dir;

  constructor(context) {
    super(context);
    this.#dir = context.config.model_metadata.profile_dir;
  }

  async load() {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.start");
  }

  async shutdown() {
    const { profile } = await this.#session.post("Profiler.stop");
    writeFileSync(join(this.#dir, "model.cpuprofile"), JSON.stringify(profile));
  }
}
