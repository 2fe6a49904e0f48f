import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { HostClient } from "../../src/client/host-client.ts";
import { openHostConnection } from "../../src/client/host-connection.ts";
import { type AppError, isAppError } from "../../src/errors.ts";
import { httpServer } from "../helpers/http-server.ts";
import { until } from "../helpers/until.ts";

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

/** A client, and the server behind it: what it was asked, as "METHOD path body". */
async function clientOf(t: TestContext, answer: Answer, prefix = "", signal?: AbortSignal) {
  const asked: string[] = [];
  const keys: (string | undefined)[] = [];
  const { url } = await httpServer(t, async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    asked.push([request.method, request.url, body].join(" ").trim());
    keys.push(request.headers.authorization);
    answer(response, request, body);
  });
  const connection = await openHostConnection({ url: url + prefix, key: "plk_test" });
  t.after(() => connection.close());
  return { client: new HostClient(connection, signal), asked, keys };
}

const json = (response: ServerResponse, status: number, value: unknown, headers = {}): void =>
  void response
    .writeHead(status, { "content-type": "application/json", ...headers })
    .end(JSON.stringify(value));

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(isAppError(error), String(error));
  return error;
}

describe("client of a deployment server", () => {
  it("an error that never ends is read in part and given up", async (t) => {
    let closed = false;
    const { client } = await clientOf(t, (response) => {
      response.on("close", () => (closed = true));
      response.writeHead(400);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    await failureOf(client.whoami());
    await until(() => closed);
  });

  it("asks each route with its method, its path and its fields", async (t) => {
    const { client, asked, keys } = await clientOf(t, (response) =>
      json(response, 200, { events: [], keys: [], entries: [], secrets: [], models: [] }),
    );
    const calls: [() => Promise<unknown>, string][] = [
      [() => client.capabilities(), "GET /v1/capabilities"],
      [() => client.whoami(), "GET /v1/whoami"],
      [() => client.models(), "GET /v1/models"],
      [() => client.status("a/b"), "GET /v1/models/a%2Fb"],
      [() => client.deployment("dep_1"), "GET /v1/deployments/dep_1"],
      [() => client.events("dep_1", 7), "GET /v1/deployments/dep_1/events?after=7"],
      [
        () => client.promote("m", { from: "staging", to: "production" }),
        'POST /v1/models/m/promote {"from":"staging","to":"production"}',
      ],
      [() => client.rollback("m", "qa"), 'POST /v1/models/m/rollback {"environment":"qa"}'],
      [() => client.rollout("m", "qa"), "GET /v1/models/m/rollout?environment=qa"],
      [
        () => client.endRollout("m", "qa", "abort"),
        'POST /v1/models/m/rollout {"environment":"qa","action":"abort"}',
      ],
      [() => client.remove("m", {}), "DELETE /v1/models/m"],
      [() => client.remove("m", { environment: "qa" }), "DELETE /v1/models/m?environment=qa"],
      [() => client.remove("m", { deployment: "dep_1" }), "DELETE /v1/models/m?deployment=dep_1"],
      [() => client.secrets(), "GET /v1/secrets"],
      [() => client.setSecret("a b", "ü\n"), 'PUT /v1/secrets/a%20b {"value":"ü\\n"}'],
      [() => client.removeSecret("token"), "DELETE /v1/secrets/token"],
      [() => client.keys(), "GET /v1/keys"],
      [
        () => client.createKey({ name: "ci", scope: "deploy", models: ["m"] }),
        'POST /v1/keys {"name":"ci","scope":"deploy","models":["m"]}',
      ],
      [() => client.revokeKey("key_1"), "DELETE /v1/keys/key_1"],
      [() => client.audit(5), "GET /v1/audit?limit=5"],
      [() => client.backup("/b"), 'POST /v1/backup {"file":"/b"}'],
    ];
    for (const [call] of calls) await call();
    assert.deepEqual(
      asked,
      calls.map(([, line]) => line),
    );
    assert.deepEqual([...new Set(keys)], ["Bearer plk_test"]);
  });

  it("keeps the path of the server's address: a host may lie behind a proxy's prefix", async (t) => {
    const { client, asked } = await clientOf(t, (response) => json(response, 200, {}), "/tools/purlin");
    await client.whoami();
    await client.rollback("m", "production");
    assert.deepEqual(asked, [
      "GET /tools/purlin/v1/whoami",
      'POST /tools/purlin/v1/models/m/rollback {"environment":"production"}',
    ]);
  });

  for (const [status, code, expected] of [
    [400, "BAD_REQUEST", "HOST_REFUSED"],
    [401, "UNAUTHENTICATED", "NOT_SIGNED_IN"],
    [403, "FORBIDDEN", "FORBIDDEN"],
    [404, "NOT_FOUND", "NOT_ON_HOST"],
    [409, "NOTHING_TO_ROLL_BACK", "HOST_REFUSED"],
    [412, "REF_CONFLICT", "PUSH_CONFLICT"],
  ] as const) {
    it(`${status} ${code} is ${expected}, in the host's words, with its code and the request's id`, async (t) => {
      const { client, asked } = await clientOf(t, (response) =>
        json(response, status, { error: "No, because.", code, request_id: "req_1", hint: "Do that." }),
      );
      const error = await failureOf(client.rollback("m", "production"));
      assert.deepEqual([error.code, error.message, error.hint], [expected, "No, because.", "Do that."]);
      assert.deepEqual(error.data, { status, host_code: code, request_id: "req_1" });
      assert.equal(asked.length, 1);
    });
  }

  it("sends a change once where a gateway cannot tell whether it was made", async (t) => {
    const { client, asked } = await clientOf(t, (response) =>
      asked.length === 1
        ? json(response, 200, {})
        : void response.writeHead(asked.length === 3 ? 502 : 504).end("<html>gateway</html>"),
    );
    await client.whoami();
    const error = await failureOf(client.rollback("m", "production"));
    assert.equal(error.code, "HOST_REFUSED");
    assert.equal(asked.filter((line) => line.includes("rollback")).length, 1);
    assert.equal((await failureOf(client.promote("m", { to: "qa" }))).code, "HOST_REFUSED");
    assert.equal(asked.filter((line) => line.includes("promote")).length, 1);
  });

  it("comes again where it was told to wait, with changes too: they were refused, not made", async (t) => {
    const { client, asked } = await clientOf(t, (response) =>
      asked.length === 1
        ? json(response, 503, { error: "closing", code: "SHUTTING_DOWN" }, { "retry-after": "0" })
        : json(response, 201, { id: "dep_2" }),
    );
    assert.equal((await client.rollback("m", "production")).id, "dep_2");
    assert.equal(asked.length, 2);
  });

  it("asks a read again behind a gateway's failure", async (t) => {
    const { client, asked } = await clientOf(t, (response) =>
      asked.length === 1 ? void response.writeHead(502).end() : json(response, 200, { models: [] }),
    );
    assert.deepEqual(await client.models(), { models: [] });
    assert.equal(asked.length, 2);
  });

  it("tells at once that nothing listens", async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const connection = await openHostConnection({ url: `http://127.0.0.1:${port}`, key: null });
    t.after(() => connection.close());
    const error = await failureOf(new HostClient(connection).whoami());
    assert.equal(error.code, "HOST_UNREACHABLE");
    assert.match(error.message, /nothing listens there/);
  });

  it("logs: lines as they come, whatever pieces they are cut into, and a break that is told as one", async (t) => {
    const lines = [
      { cursor: "1", message: "ü€😀" },
      { cursor: "2", message: "two" },
    ];
    const { client, asked } = await clientOf(t, async (response) => {
      const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n\n`).join(""));
      // Each byte on its own: characters are cut, too.
      for (const byte of bytes) await new Promise((sent) => response.write(Buffer.of(byte), sent));
      response.destroy();
    });
    const seen: unknown[] = [];
    const error = await failureOf(
      (async () => {
        for await (const line of await client.logs("m", { level: "warn", limit: 5 }, true)) seen.push(line);
      })(),
    );
    assert.deepEqual(seen, lines);
    assert.equal(error.code, "HOST_UNREACHABLE");
    assert.deepEqual(asked, ["GET /v1/models/m/logs?level=warn&limit=5&follow=1"]);
  });

  it("an abort ends a stream with its own reason", async (t) => {
    const stop = new AbortController();
    const { client } = await clientOf(
      t,
      (response) => void response.writeHead(200).write('{"cursor":"1"}\n'),
      "",
      stop.signal,
    );
    const reason = new Error("enough");
    await assert.rejects(
      (async () => {
        for await (const _line of await client.logs("m", {}, true)) stop.abort(reason);
      })(),
      (error) => error === reason,
    );
  });
});
