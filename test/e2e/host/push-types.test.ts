import assert from "node:assert/strict";
import { it } from "node:test";
import { startTestHost } from "../../helpers/test-host.ts";
import { watchProject } from "../../helpers/watched-project.ts";

const model = (input: string): string =>
  `export class Model {
  loaded = 0;
  load() { this.loaded = Math.random(); }
  predict(input: ${input}) { return { loaded: this.loaded }; }
}
`;

it("push --watch: a saved type is checked by the host's replica, on the loaded instance", async (t) => {
  const host = await startTestHost(t);
  const watched = await watchProject(t, host, "typed", async (project) => {
    await project.write("config.yaml", "model_name: typed\nruntime: { validate_types: true }\n");
    await project.write("model/model.ts", model("{ text: string }"));
  });
  await watched.told("live");
  const { loaded } = await watched.ask({ text: "a" });
  const before = watched.events("reloaded").length;
  await watched.save("model/model.ts", model("{ text: string; count: number }"));
  await watched.told("reloaded", before + 1);
  const refused = await watched.ask({ text: "a" });
  assert.deepEqual(
    [refused["code"], refused["details"]],
    ["INVALID_INPUT", [{ path: "count", message: "is missing" }]],
  );
  assert.deepEqual(await watched.ask({ text: "a", count: 1 }), { loaded });
  // What can be told of it no longer is refused, and what is live stays.
  await watched.save("model/model.ts", model("unknown"));
  const failed = await watched.told("reload-failed");
  assert.match(JSON.stringify(failed), /predict's input is unknown/);
  assert.deepEqual(await watched.ask({ text: "a", count: 1 }), { loaded });
});
