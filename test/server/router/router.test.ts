import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startReplica, startRouter } from "./start-router.ts";

describe("router", () => {
  it("passes a request to the model and its answer back", async (t) => {
    const { url, traffic } = await startRouter(t);
    const replica = await startReplica(t, "export class Model { predict(input) { return { got: input }; } }");
    traffic.add({ id: "a", address: replica.address });
    const response = await fetch(`${url}/models/m/environments/production/predict`, {
      method: "POST",
      headers: { "x-request-id": "given-1" },
      body: JSON.stringify({ n: 1 }),
    });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("x-request-id"), "given-1");
    assert.deepEqual(await response.json(), { got: { n: 1 } });
  });
});
