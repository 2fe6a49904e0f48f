import assert from "node:assert/strict";
import { it } from "node:test";
import { test } from "../../src/actions/test.ts";
import type { AppError } from "../../src/errors.ts";
import { silentReporter } from "../../src/events.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";

const SOCKET_MODEL = `class Base { isHealthy() { return true; } }
export class Model extends Base { async websocket(socket: any) { for await (const m of socket) await socket.send(m); } }`;

it("a model that only speaks WebSocket is not asked for examples that could not be run", async (t) => {
  const dir = await makeProject(t, { "model/model.ts": SOCKET_MODEL });
  const says = (error: AppError): boolean => {
    assert.equal(error.code, "NO_EXAMPLES");
    assert.match(error.message, /^Model answers over a WebSocket alone/);
    assert.match(error.hint ?? "", /build --verify/);
    assert.doesNotMatch(error.hint ?? "", /examples:/);
    return true;
  };
  await assert.rejects(test({ dir, report: silentReporter }), says);
  const { path } = await buildProject(dir);
  await assert.rejects(
    test({ dir: path, report: silentReporter }),
    says,
    "nor where only its package is there",
  );
});

it("any other model without examples is shown how to add some", async (t) => {
  const dir = await makeProject(t);
  await assert.rejects(test({ dir, report: silentReporter }), (error: AppError) => {
    assert.equal(error.code, "NO_EXAMPLES");
    assert.match(error.hint ?? "", /examples:\n {2}- name/);
    return true;
  });
});
