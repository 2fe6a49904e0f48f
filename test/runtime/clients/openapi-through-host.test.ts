// Issue 12, part 2, point 3: the document that a host serves for a model leads to the model's routes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeProject } from "../../helpers/build-project.ts";
import { startTestHost } from "../../helpers/test-host.ts";

interface Document {
  servers: [{ url: string }];
  security: Record<string, unknown>[];
  components: { securitySchemes: Record<string, { type: string }> };
}

test("servers, security and routes hold through every path that leads to a deployment", async (t) => {
  const host = await startTestHost(t);
  await host.ok(["remote", "add", "here", host.url]);
  const source = "export class Model { predict(x: any) { return { got: x }; } }";
  const files = { "config.yaml": "model_name: plain\n", "model/model.ts": source };
  await host.ok(["push", await makeProject(t, files)]);
  const status = (await (await host.fetch("/v1/models/plain")).json()) as {
    environments: [{ serving: { deployment: string } }];
  };
  const { deployment } = status.environments[0].serving;
  for (const base of [
    "/models/plain/production/sync",
    "/models/plain/environments/production/sync",
    `/models/plain/deployments/${deployment}/sync`,
  ]) {
    const address = `${base}/openapi.json?x=1`;
    // What a client says of the place is not believed.
    const forged = { "x-purlin-deployment-path": "/forged", "x-forwarded-prefix": "/forged" };
    const answer = await host.fetch(address, { headers: forged });
    assert.equal(answer.status, 200);
    const document = (await answer.json()) as Document;
    assert.deepEqual(document.servers, [{ url: base }]);
    for (const requirement of document.security)
      for (const name of Object.keys(requirement)) assert.ok(document.components.securitySchemes[name], name);
    const called = await fetch(`${new URL(document.servers[0].url, host.url)}/predict`, {
      method: "POST",
      body: "[1]",
      headers: { authorization: `Bearer ${host.key}` },
    });
    assert.deepEqual(await called.json(), { got: [1] });
  }
  assert.equal((await host.fetch("/models/plain/production/sync/schema")).status, 404);
});
