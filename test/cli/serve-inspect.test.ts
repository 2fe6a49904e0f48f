import assert from "node:assert/strict";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { editFile } from "../helpers/edit-file.ts";
import { attach, generatedPlace, type InspectorClient, readSourceMap } from "../helpers/inspector-client.ts";
import { makeProject } from "../helpers/build-project.ts";
import { runCli } from "../helpers/run-cli.ts";
import { runModel } from "../helpers/run-model.ts";
import { type SpawnedCli, spawnCli } from "../helpers/spawn-cli.ts";
import { until } from "../helpers/until.ts";

/** Line 9 counts the words. */
const MODEL = `import { shout } from "./shout.ts";

interface Input {
  text: string;
}

export class Model {
  predict(input: Input) {
    const words = input.text.split(" ");
    return { loud: shout(input.text), count: words.length, pid: process.pid };
  }
}
`;
const SHOUT = "export function shout(text: string): string {\n  return text.toUpperCase();\n}\n";
/** All of them shorter than the test looks at a stopped process. */
const LIMITS =
  "runtime: { workers: 2, predict_timeout_seconds: 0.2, cancel_grace_seconds: 0.1, streaming_read_timeout_seconds: 0.2 }\n";

async function serve(
  t: TestContext,
  ...flags: string[]
): Promise<{ dir: string; cli: SpawnedCli; url: string }> {
  const dir = await makeProject(t, {
    "config.yaml": `model_name: m\n${LIMITS}`,
    "model/model.ts": MODEL,
    "model/shout.ts": SHOUT,
  });
  const cli = spawnCli(t, ["serve", "--port", "0", ...flags], { cwd: dir });
  const [, url = ""] = await cli.waitFor(/^listening on (\S+)/m);
  return { dir: await realpath(dir), cli, url };
}

const DEBUGGER = /^debugger at (ws:\S+)/gm;

/** The debugger number `count` that was announced. */
async function debuggerOf(t: TestContext, cli: SpawnedCli, count = 1): Promise<InspectorClient> {
  const address = await until(() => [...cli.stdout().matchAll(DEBUGGER)][count - 1]?.[1], {
    timeout: 20_000,
  });
  const client = await attach(t, address);
  await client.send("Debugger.enable");
  return client;
}

const predict = (url: string, text: string): Promise<Response> =>
  fetch(`${url}/predict`, { method: "POST", body: JSON.stringify({ text }) });

/** Breaks where a line of model.ts is, in the code that was loaded last. */
async function breakAt(client: InspectorClient, line: number): Promise<string> {
  const script = await until(() => client.mapped().findLast(({ url }) => url.endsWith("code/model.mjs")));
  const { scriptId } = script;
  const location = { scriptId, ...generatedPlace(script, { source: /model\.ts$/, line }) };
  const { breakpointId } = await client.send("Debugger.setBreakpoint", { location });
  return breakpointId as string;
}

interface Frame {
  callFrameId: string;
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber: number };
}

test("a debugger stops in a line of model.ts, sees its variables, and no time limit ends what is stopped", async (t) => {
  const { dir, cli, url } = await serve(t, "--inspect=0");
  await cli.waitFor(/^ready$/m);
  const client = await debuggerOf(t, cli);
  const script = client.mapped().find(({ url }) => url.endsWith("code/model.mjs"));
  assert.ok(script);
  const { map, sources, contents } = readSourceMap(script);
  assert.deepEqual(sources.toSorted(), [
    pathToFileURL(join(dir, "model/model.ts")).href,
    pathToFileURL(join(dir, "model/shout.ts")).href,
  ]);
  assert.deepEqual(contents.toSorted(), [MODEL, SHOUT].toSorted());

  await breakAt(client, 9);
  const began = performance.now();
  const answer = predict(url, "two words");
  const { callFrames } = (await client.wait("Debugger.paused")) as { callFrames: Frame[] };
  const [frame] = callFrames;
  assert.ok(frame);
  assert.equal(frame.functionName, "predict");
  const { lineNumber, columnNumber } = frame.location;
  const entry = map.findEntry(lineNumber, columnNumber);
  assert.ok("originalSource" in entry && entry.originalSource.endsWith("model/model.ts"));
  assert.equal(entry.originalLine + 1, 9);
  const { result } = (await client.send("Debugger.evaluateOnCallFrame", {
    callFrameId: frame.callFrameId,
    expression: "input.text",
  })) as { result: { value: unknown } };
  assert.equal(result.value, "two words");

  // Three times as long as each of the limits; health goes on answering meanwhile.
  await until(() => performance.now() - began > 900);
  assert.equal((await fetch(`${url}/health/ready`)).status, 200);
  await client.send("Debugger.resume");
  const answered = await answer;
  assert.equal(answered.status, 200);
  assert.equal(((await answered.json()) as { count: number }).count, 2);
  assert.doesNotMatch(cli.stderr(), /being replaced|The model process/);
  assert.equal(
    [...cli.stdout().matchAll(DEBUGGER)].length,
    1,
    "there is one process, whatever config.yaml says",
  );
});

test("--inspect-brk waits, and stops before the model's code is loaded", async (t) => {
  const { cli, url } = await serve(t, "--inspect-brk=127.0.0.1:0");
  const client = await debuggerOf(t, cli);
  assert.equal((await fetch(`${url}/health/ready`)).status, 503);
  assert.doesNotMatch(cli.stdout(), /^ready$/m);
  await client.send("Debugger.setBreakpointByUrl", { urlRegex: "code/model\\.mjs$", lineNumber: 0 });
  await client.send("Runtime.runIfWaitingForDebugger");
  const { callFrames } = (await client.wait("Debugger.paused")) as { callFrames: Frame[] };
  assert.equal(callFrames[0]?.functionName, "stopBeforeTheModel");
  assert.equal(client.mapped().length, 0, "nothing of it is loaded");
  await client.send("Debugger.resume");
  await client.wait("Debugger.paused", 2);
  assert.equal(client.mapped().length, 1);
  await client.send("Debugger.resume");
  await cli.waitFor(/^ready$/m);
  assert.equal((await predict(url, "x")).status, 200);
});

test("--watch: a swap of methods keeps the debugger, a new process takes over its address", async (t) => {
  const { dir, cli, url } = await serve(t, "--watch", "--inspect=0");
  await cli.waitFor(/^ready$/m);
  const client = await debuggerOf(t, cli);
  const file = join(dir, "model/model.ts");
  const pidOf = async (): Promise<number> =>
    ((await (await predict(url, "x")).json()) as { pid: number }).pid;
  const first = await pidOf();

  await editFile(file, "input.text.split", '"more ".concat(input.text).split');
  await until(async () => ((await (await predict(url, "x")).json()) as { count: number }).count === 2);
  assert.equal(await pidOf(), first, "the instance was kept");
  assert.ok(client.isOpen());
  const breakpointId = await breakAt(client, 9);
  const answer = predict(url, "x");
  await client.wait("Debugger.paused");
  await client.send("Debugger.removeBreakpoint", { breakpointId });
  await client.send("Debugger.resume");
  assert.equal((await answer).status, 200);

  // A save while a request stands at a breakpoint waits for it, and loads no other process.
  const stopped = await breakAt(client, 9);
  const standing = predict(url, "x");
  await client.wait("Debugger.paused", 2);
  await editFile(file, '"more "', '"more and more "');
  await cli.waitFor(/methods/, { stream: "stderr" });
  await client.send("Debugger.removeBreakpoint", { breakpointId: stopped });
  await client.send("Debugger.resume");
  assert.equal((await standing).status, 200);
  await until(async () => ((await (await predict(url, "x")).json()) as { count: number }).count === 4);
  assert.equal(await pidOf(), first);

  await editFile(file, "  predict", "  loaded = 1;\n  constructor() {}\n  predict");
  const again = await debuggerOf(t, cli, 2);
  assert.notEqual(await pidOf(), first);
  assert.equal(client.isOpen(), false, "the process before has ended, though a debugger was attached");
  await breakAt(again, 11);
  const other = predict(url, "x");
  await again.wait("Debugger.paused");
  await again.send("Debugger.resume");
  assert.equal((await other).status, 200);
});

test("a fixed port passes from the process before to the one after it", async (t) => {
  const [, port = ""] = /:(\d+)\//.exec((await (await freeDebugger(t)).address) ?? "") ?? [];
  const { dir, cli } = await serve(t, "--watch", `--inspect=${port}`);
  await cli.waitFor(/^ready$/m);
  const client = await debuggerOf(t, cli);
  await editFile(join(dir, "model/model.ts"), "  predict", "  loaded = 1;\n  predict");
  const again = await debuggerOf(t, cli, 2);
  const ports = [...cli.stdout().matchAll(DEBUGGER)].map(([, address = ""]) => new URL(address).port);
  assert.deepEqual(ports, [port, port]);
  assert.equal(client.isOpen(), false);
  assert.ok(again.isOpen());
});

/** The address of a debugger that has ended: its port is free. */
async function freeDebugger(t: TestContext): Promise<{ address: string | undefined }> {
  const { cli } = await serve(t, "--inspect=0");
  await cli.waitFor(/^debugger at/m);
  const [match] = cli.stdout().matchAll(DEBUGGER);
  cli.kill();
  await cli.exited;
  return { address: match?.[1] };
}

test("what would open a debugger to others, or to nobody knows which process, is refused", async (t) => {
  const dir = await makeProject(t);
  const cases: [string[], RegExp][] = [
    [["--inspect=0.0.0.0:9229"], /may run any code here: it listens on 127\.0\.0\.1 alone/],
    [["--inspect", "192.168.1.5"], /may run any code here/],
    [["--inspect", "my-model"], /A folder stands before the flag/],
    [["--inspect", "70000"], /from 0 to 65535/],
    [["--inspect", "--workers", "2"], /one model process, and --workers asks for 2/],
  ];
  for (const [flags, says] of cases) {
    const run = await runCli(["serve", "--port", "0", ...flags], { cwd: dir });
    assert.equal(run.code, 2, flags.join(" "));
    assert.match(run.stderr, says);
  }
});

test("a deployment opens no debugger and writes no profile, whatever its environment says", async (t) => {
  const source = "export class Model { predict() { return process.execArgv.length; } }";
  const place = join(await makeProject(t), "profiles");
  const env = { PURLIN_INSPECT: "127.0.0.1:0", PURLIN_CPU_PROFILE: place };
  const model = await runModel(t, source, { env });
  assert.equal((await model.predict(1)).status, 200);
  await model.runtime.stop();
  assert.doesNotMatch(model.logText(), /Debugger listening/);
  assert.deepEqual(
    model.events.filter(({ type }) => type === "debugger" || type === "cpu-profile"),
    [],
  );
});
