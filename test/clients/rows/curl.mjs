// client: curl
// needs: curl
// targets: serve, host
// models: chat
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { gzipSync } from "node:zlib";
import { row, target } from "../lib/rows.mjs";

const { root } = target.models.chat;
const predict = `${root}/predict`;
const big = JSON.stringify({ text: "x".repeat(4_000_000) });

/** Runs curl; what it writes out at the end is the status and the HTTP version. */
async function curl(args, input = "") {
  const written = ["-w", "\n%{http_code} %{http_version} %{num_connects}"];
  const child = spawn("curl", [
    "-sS",
    "-m",
    "40",
    "-H",
    `authorization: Bearer ${target.key}`,
    ...args,
    ...written,
  ]);
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  let [out, said] = ["", ""];
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (said += data));
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal(code, 0, said);
  const cut = out.lastIndexOf("\n");
  const [status, version, connects] = out.slice(cut + 1).split(" ");
  return { body: out.slice(0, cut), status: Number(status), version, connects: Number(connects) };
}

const echoes = async (args, input, wanted = { a: 1 }) => {
  const { status, body } = await curl([...args, predict], input);
  assert.equal(status, 200, body);
  assert.deepEqual(JSON.parse(body), { echo: wanted });
};

await row("-d, without a content type of JSON", "the answer to the JSON", () => echoes(["-d", '{"a":1}']));
await row("--http1.0", "the answer", () => echoes(["--http1.0", "-d", '{"a":1}']));
await row("--http2 (Upgrade: h2c)", "the answer over HTTP/1.1", async () => {
  const { status, version } = await curl(["--http2", "-d", "{}", predict]);
  assert.deepEqual([status, version], [200, "1.1"]);
});
await row("-T - (chunked), 4 MB", "the same 4 MB", () =>
  echoes(["-X", "POST", "-T", "-", "-H", "content-type: application/json"], big, JSON.parse(big)),
);
await row("Expect: 100-continue, 4 MB", "the same 4 MB", () =>
  echoes(["-H", "Expect: 100-continue", "--data-binary", "@-"], big, JSON.parse(big)),
);
await row("Expect: 100-continue to an unknown route, 4 MB", "404 without a 100", async () => {
  const url = `${root}/nothing`;
  const { status, body } = await curl(["-i", "-H", "Expect: 100-continue", "--data-binary", "@-", url], big);
  assert.equal(status, 404);
  assert.doesNotMatch(body, /^HTTP\/1.1 100/);
});
await row("a body in gzip", "the answer to what is in it", () =>
  echoes(["-H", "content-encoding: gzip", "--data-binary", "@-"], gzipSync('{"a":1}')),
);
await row("-N with Accept: text/event-stream", "events, no-store, X-Accel-Buffering: no", async () => {
  const { body } = await curl(["-N", "-i", "-H", "accept: text/event-stream", "-d", '{"count":2}', predict]);
  assert.match(body, /^content-type: text\/event-stream/im);
  assert.match(body, /^cache-control: no-store/im);
  assert.match(body, /^x-accel-buffering: no/im);
  assert.match(body, /data: \{"tick":0\}\r?\n\r?\n[^]*data: \{"tick":1\}/);
});
await row("-F, a form with a file", "the fields", async () => {
  const { status } = await curl(["-F", "a=1", "-F", 'o={"x":1};type=application/json', predict]);
  assert.equal(status, 200);
});
await row("-X PUT", "405", async () => {
  assert.equal((await curl(["-X", "PUT", "-d", "{}", predict])).status, 405);
});
await row("what is no JSON, then JSON", "400, then the answer by the same connection", async () => {
  const login = ["-H", `authorization: Bearer ${target.key}`];
  const { status, connects } = await curl([
    "-d",
    "{bad",
    predict,
    "--next",
    ...login,
    "-sS",
    "-d",
    "{}",
    predict,
    "-w",
    "%{http_code} ",
  ]);
  assert.deepEqual([status, connects], [200, 0]);
});
