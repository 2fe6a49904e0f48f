import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readError } from "../../../src/protocol/read-error.ts";
import { TRANSFER_LIMITS } from "../../../src/protocol/transfer.ts";
import { createAudit } from "../../../src/server/access/audit.ts";
import { createKeys } from "../../../src/server/access/keys.ts";
import { createSecrets } from "../../../src/server/access/secrets.ts";
import { apiRoutes } from "../../../src/server/api/api-routes.ts";
import { StrangerLimit } from "../../../src/server/api/stranger-limit.ts";
import { createApi } from "../../../src/server/api/api-server.ts";
import { Deployments } from "../../../src/server/deployments/deployments.ts";
import { openStore } from "../../../src/server/store/open-store.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import { until } from "../../helpers/until.ts";
import { packModel } from "../deployments/pack-model.ts";
import { scriptedEngine } from "../deployments/scripted-engine.ts";

const ADMIN = "admin-key";

async function startApi(t: TestContext) {
  const root = await tmpDir(t, "pa-");
  const store = openStore(join(root, "data"));
  const engine = scriptedEngine(root);
  const deployments = new Deployments({ store, engine, secretsFor: () => ({}) });
  deployments.start();
  const keys = createKeys(store.db, ADMIN);
  const audit = createAudit(store.db);
  const errors: unknown[] = [];
  const routes = apiRoutes({
    version: "1",
    target: "linux-x64",
    limits: TRANSFER_LIMITS,
    isolation: [],
    store,
    deployments,
    isReady: () => true,
    keys,
    audit,
    secrets: createSecrets(store.db, Buffer.alloc(32, 1)),
  });
  const api = createApi({ routes, keys, audit, onError: (error) => errors.push(error) });
  const server = createServer((req, res) => void api(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await deployments.close({ graceMs: 0 });
    await store.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    port,
    routes,
    keys,
    audit,
    errors,
    engine,
    url,
    /** Live as soon as this resolves. */
    async deploy(text: string, environment: string): Promise<string> {
      const digest = await packModel(store, text);
      const { id } = deployments.create({ model: "m", environment, package: digest, by: "t" });
      deployments.kick(id);
      await until(() => deployments.deployment(id).state === "ACTIVE");
      return id;
    },
    call: (method: string, path: string, key: string | null = ADMIN, body?: string) =>
      fetch(url + path, {
        method,
        headers: key === null ? {} : { authorization: `Bearer ${key}` },
        ...(body === undefined ? {} : { body }),
      }),
  };
}

/** Lines of a stream as they come; each call waits for one more. */
async function* linesOf(answer: Response): AsyncGenerator<Record<string, unknown>> {
  let held = "";
  for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (held + Buffer.from(piece).toString()).split("\n");
    held = lines.pop() as string;
    for (const line of lines) if (line !== "") yield JSON.parse(line) as Record<string, unknown>;
  }
}

/** Any value for each name of a pattern. */
const pathOf = (pattern: string): string => pattern.replaceAll(/(?<=\/):[a-z]+/g, "some-name");

describe("the API of a deployment server", () => {
  it("every route but health needs a key, and every one that changes something is in the audit log", async (t) => {
    const { routes, call } = await startApi(t);
    assert.ok(routes.length > 30);
    for (const { method, path, scope, audit } of routes) {
      const answer = await call(method, pathOf(path), null);
      const isHealth = /^(\/v2)?\/health\//.test(path);
      assert.equal(answer.status === 401, !isHealth, `${method} ${path} answered ${answer.status}`);
      assert.equal(scope === "none", isHealth, path);
      await answer.arrayBuffer();
      const changes = ["POST", "PUT", "DELETE"].includes(method);
      // Files alone change nothing that anybody sees: the push and the commit around them are told.
      const isFile = /\/(files|uploads)/.test(path);
      if (changes && !isFile) assert.ok(audit, `${method} ${path} has no name in the audit log`);
    }
  });

  it("a key does what its scope allows and no more, for its models alone", async (t) => {
    const { routes, call, keys } = await startApi(t);
    const rank = { none: -1, any: 0, invoke: 0, deploy: 1, admin: 2 };
    for (const scope of ["invoke", "deploy"] as const) {
      const { key } = keys.create({ name: scope, scope, models: null });
      for (const route of routes) {
        const answer = await call(route.method, pathOf(route.path), key);
        assert.equal(
          answer.status === 403,
          rank[route.scope] > rank[scope],
          `${scope}: ${route.method} ${route.path} answered ${answer.status}`,
        );
        await answer.arrayBuffer();
      }
    }
    const { key } = keys.create({ name: "one model", scope: "deploy", models: ["mine"] });
    for (const route of routes.filter(({ path }) => path.includes("/:model"))) {
      const answer = await call(route.method, pathOf(route.path), key);
      assert.equal(answer.status, 403, `${route.method} ${route.path}`);
      await answer.arrayBuffer();
    }
    assert.equal((await call("GET", "/v1/models/mine", key)).status, 404);
  });

  it("errors have a sentence, a code and a request id; a refused change is in the audit log, too", async (t) => {
    const { call, audit, keys, errors } = await startApi(t);
    for (const [method, path, status, code] of [
      ["GET", "/v1/nowhere", 404, "NOT_FOUND"],
      ["PUT", "/v1/models", 405, "METHOD_NOT_ALLOWED"],
      ["GET", "/v1/models/none", 404, "NOT_FOUND"],
      ["POST", "/v1/models/none/rollback", 404, "NOT_FOUND"],
      ["GET", "/v1/deployments/none", 404, "NOT_FOUND"],
      ["DELETE", "/v1/keys/none", 404, "NOT_FOUND"],
    ] as const) {
      const answer = await call(method, path);
      const body = (await answer.json()) as Record<string, unknown>;
      assert.deepEqual([answer.status, body["code"]], [status, code], `${method} ${path}`);
      assert.equal(typeof readError(body)?.error, "string");
      assert.equal(body["request_id"], answer.headers.get("x-request-id"));
    }
    assert.match((await call("PUT", "/v1/models")).headers.get("allow") ?? "", /GET/);
    for (const body of [
      "{",
      "[]",
      '"x"',
      '{"name": 1}',
      '{"name": "x", "scope": "root"}',
      '{"name": "x", "models": "all"}',
    ]) {
      assert.equal((await call("POST", "/v1/keys", ADMIN, body)).status, 400, body);
    }
    const { key } = keys.create({ name: "weak", scope: "invoke", models: null });
    await call("PUT", "/v1/secrets/token", key, '{"value": "x"}');
    const [newest] = audit.list({ limit: 1 });
    assert.deepEqual([newest?.action, newest?.status, newest?.key_name], ["secret.set", 403, "weak"]);
    assert.deepEqual(errors, []);
  });

  it("a target that is no address is answered, and ends nothing", async (t) => {
    const { port, call, errors } = await startApi(t);
    for (const [target, status] of [
      ["//", 404],
      ["//a:b/", 404],
      ["/%", 404],
      ["/v1/models/%E0%A4%A", 401],
      ["http://[", 400],
      ["http://elsewhere/health/live", 200],
      ["*", 400],
    ] as const) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () =>
          socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
        );
        let text = "";
        socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
        socket.on("error", reject).on("close", () => resolve(text));
      });
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), target);
    }
    assert.equal((await call("GET", "/health/live", null)).status, 200);
    assert.deepEqual(errors, []);
  });

  it("metrics are the host's and those of each replica, of the models that a key is for", async (t) => {
    const { call, keys, deploy, engine } = await startApi(t);
    const id = await deploy("one", "production");
    const [replica] = engine.running();
    const labels = `model="m",environment="production",deployment="${id}"`;
    const page = await call("GET", "/metrics");
    assert.match(page.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const lines = (await page.text()).split("\n");
    for (const line of [
      `purlin_host_replicas_ready{${labels}} 1`,
      `purlin_host_requests_refused_total{${labels},reason="overloaded"} 0`,
      `own_total{${labels},replica="${replica?.id}",kind="x"} 7`,
    ]) {
      assert.ok(lines.includes(line), line);
    }
    const types = lines.filter((line) => line.startsWith("# TYPE "));
    assert.equal(new Set(types).size, types.length, "each family once");
    const { key } = keys.create({ name: "other", scope: "admin", models: ["other"] });
    const theirs = await (await call("GET", "/metrics", key)).text();
    assert.doesNotMatch(theirs, /"m"/);
    assert.match(theirs, /^process_resident_memory_bytes \d+$/m);
  });

  it("logs of an environment are followed from one deployment to the next, and those of others are not", async (t) => {
    const { call, deploy, engine } = await startApi(t);
    const say = (deployment: string, message: string): void => {
      const spec = engine.running().find((each) => each.deployment === deployment);
      engine.say(spec?.id as string, JSON.stringify({ level: "info", message }));
    };
    const first = await deploy("one", "production");
    const staging = await deploy("one", "staging");
    say(first, "before");
    say(staging, "elsewhere");
    const answer = await call("GET", "/v1/models/m/logs?environment=production&follow=1");
    const lines = linesOf(answer);
    const next = async (): Promise<unknown> => (await lines.next()).value?.["message"];
    assert.equal(await next(), "before");
    const second = await deploy("two", "production");
    say(staging, "elsewhere again");
    say(second, "of the new one");
    assert.equal(await next(), "of the new one");
    await lines.return(undefined);
    const all = await (await call("GET", "/v1/models/m/logs?environment=staging")).text();
    assert.deepEqual(all.match(/"message":"[^"]*"/g), [
      '"message":"elsewhere"',
      '"message":"elsewhere again"',
    ]);
    assert.equal((await call("GET", "/v1/models/m/logs?deployment=dep_none")).status, 404);
    for (const limit of ["0", "-1", "1.5", "x", ""]) {
      assert.equal((await call("GET", `/v1/models/m/logs?limit=${limit}`)).status, 400, limit);
      assert.equal((await call("GET", `/v1/audit?limit=${limit}`)).status, 400, limit);
    }
  });

  it("who has no key cannot fill the audit log; what was left out is counted", async (t) => {
    const { call, audit } = await startApi(t);
    for (let i = 0; i < 70; i++) await call("DELETE", "/v1/models/m", "wrong");
    const told = audit.list({ limit: 1000 });
    assert.equal(told.length, 60);
    assert.deepEqual([told[0]?.status, told[0]?.key_name], [401, ""]);
    await call("DELETE", "/v1/models/m");
    assert.equal(audit.list({ limit: 1 })[0]?.status, 404, "who has one is told always");
    const clock = { at: 0 };
    const limit = new StrangerLimit(() => clock.at);
    const admitted = Array.from({ length: 65 }, () => limit.admit());
    assert.equal(admitted.filter((each) => each === null).length, 5);
    clock.at = 60_000;
    assert.deepEqual([limit.admit(), limit.admit()], [5, 0]);
  });

  it("secrets are set, listed by name and removed; bad names and values are refused", async (t) => {
    const { call } = await startApi(t);
    assert.equal((await call("PUT", "/v1/secrets/token", ADMIN, '{"value": "hidden-value"}')).status, 200);
    const listed = await (await call("GET", "/v1/secrets")).text();
    assert.match(listed, /"token"/);
    assert.doesNotMatch(listed, /hidden-value/);
    for (const name of ["..", ".hidden", "a%2Fb", "%00"]) {
      assert.ok((await call("PUT", `/v1/secrets/${name}`, ADMIN, '{"value": "x"}')).status >= 400, name);
    }
    assert.ok(
      (await call("PUT", "/v1/secrets/big", ADMIN, JSON.stringify({ value: "x".repeat(70_000) }))).status >=
        400,
    );
    for (const value of [
      "x".repeat(64 * 1024),
      "several\nlines\n\u0000and ünïcode",
      "-----BEGIN KEY-----\nabc\n",
    ]) {
      assert.equal((await call("PUT", "/v1/secrets/token", ADMIN, JSON.stringify({ value }))).status, 200);
    }
    assert.equal((await call("PUT", "/v1/secrets/token", ADMIN, '{"value": ""}')).status, 400);
    assert.equal((await call("DELETE", "/v1/secrets/token")).status, 200);
    assert.equal((await call("DELETE", "/v1/secrets/token")).status, 404);
  });
});
