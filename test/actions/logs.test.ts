import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { describe, it, type TestContext } from "node:test";
import { logs } from "../../src/actions/logs.ts";
import { isAppError } from "../../src/errors.ts";
import type { LogLine } from "../../src/protocol/host-api.ts";
import { httpServer } from "../helpers/http-server.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

const line = (cursor: number): string => `${JSON.stringify({ cursor: String(cursor), message: "said" })}\n`;
const isCode = (code: string) => (error: unknown) => isAppError(error) && error.code === code;

/** Tails the logs of a server that gives these answers one after the other, the last one again and again. */
async function tail(
  t: TestContext,
  answers: ((response: ServerResponse) => void)[],
  onLine: (line: LogLine, stop: AbortController) => void,
) {
  const asked: URLSearchParams[] = [];
  const { url } = await httpServer(t, (request, response) => {
    asked.push(new URL(request.url ?? "", "http://x").searchParams);
    (answers[asked.length - 1] ?? answers.at(-1))?.(response);
  });
  const stop = new AbortController();
  const notes: string[] = [];
  const work = logs({
    model: "m",
    request: { limit: 10, level: "warn" },
    tail: true,
    env: { PURLIN_HOME: await tmpDir(t), PURLIN_API_URL: url },
    signal: stop.signal,
    report: { emit: (event) => void (event.type === "note" && notes.push(event.message)) },
    onLine: async (each) => onLine(each, stop),
  });
  return { work, asked, notes };
}

describe("logs --tail", () => {
  it("goes on behind the last line after a break, also while a gateway answers for the host, and misses none", async (t) => {
    const seen: string[] = [];
    const { work, asked, notes } = await tail(
      t,
      [
        (response) => void response.write(line(1) + line(2), () => setTimeout(() => response.destroy(), 50)),
        (response) => void response.writeHead(502).end("<html>bad gateway</html>"),
        (response) => void response.write(line(3)),
      ],
      ({ cursor }, stop) => {
        seen.push(cursor);
        if (cursor === "3") stop.abort(new Error("seen enough"));
      },
    );
    await assert.rejects(work, /seen enough/);
    assert.deepEqual(seen, ["1", "2", "3"]);
    const [first, ...later] = asked;
    assert.deepEqual([first?.get("cursor"), first?.get("limit")], [null, "10"]);
    for (const each of later) {
      assert.equal(each.get("cursor"), "2");
      assert.equal(each.get("level"), "warn");
      // With the limit of the first look, the newest ten alone of what was said meanwhile would come.
      assert.equal(each.get("limit"), "100000");
    }
    assert.equal(notes.length, 2, notes.join());
  });

  it("ends with whoever reads the lines: what they throw is no broken connection", async (t) => {
    const { work, asked } = await tail(t, [(response) => void response.write(line(1))], () => {
      throw new TypeError("the pipe is shut");
    });
    await assert.rejects(work, /the pipe is shut/);
    assert.equal(asked.length, 1);
  });

  it("ends where it is refused, also after a break", async (t) => {
    const { work, asked } = await tail(
      t,
      [
        (response) => void response.write(line(1), () => setTimeout(() => response.destroy(), 50)),
        (response) => void response.writeHead(401).end(),
      ],
      () => {},
    );
    await assert.rejects(work, isCode("NOT_SIGNED_IN"));
    assert.equal(asked.length, 2);
  });
});

describe("logs", () => {
  it("that break off without --tail are the server's failure, not a bug", async (t) => {
    const { url } = await httpServer(
      t,
      (_request, response) => void response.write(line(1), () => setTimeout(() => response.destroy(), 50)),
    );
    const seen: string[] = [];
    const work = logs({
      model: "m",
      request: {},
      tail: false,
      env: { PURLIN_HOME: await tmpDir(t), PURLIN_API_URL: url },
      report: { emit() {} },
      onLine: async ({ cursor }) => void seen.push(cursor),
    });
    await assert.rejects(work, isCode("HOST_UNREACHABLE"));
    assert.deepEqual(seen, ["1"]);
  });
});
