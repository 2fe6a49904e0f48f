// client: yaml-language-server
// pins: npm/yaml-language-server, npm/vscode-languageserver-protocol
// targets: own
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-languageserver-protocol/node";
import { row } from "../lib/rows.mjs";

const dir = await mkdtemp(join(tmpdir(), "pc-yaml-"));
const purlin = (...args) =>
  execFileSync("node", [process.env.PURLIN_BIN, ...args], { cwd: dir, stdio: "pipe" });
purlin("init", "m", "--yes");
const project = join(dir, "m");
// As a clone has it: what a command writes is not in git.
await rm(join(project, ".purlin"), { recursive: true, force: true });
execFileSync("node", [process.env.PURLIN_BIN, "build"], { cwd: project, stdio: "pipe" });

const program = fileURLToPath(
  new URL("../../node_modules/yaml-language-server/bin/yaml-language-server", import.meta.url),
);
const server = spawn(process.execPath, [program, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const connection = createProtocolConnection(
  new StreamMessageReader(server.stdout),
  new StreamMessageWriter(server.stdin),
);
const told = new Map();
connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) =>
  told.set(uri, diagnostics),
);
connection.onRequest("workspace/configuration", ({ items }) =>
  items.map(() => ({ validate: true, hover: true, completion: true })),
);
connection.onRequest("client/registerCapability", () => null);
connection.listen();
const rootUri = pathToFileURL(project).href;
await connection.sendRequest("initialize", {
  processId: process.pid,
  rootUri,
  capabilities: { workspace: { configuration: true } },
  workspaceFolders: [{ uri: rootUri, name: "m" }],
});
await connection.sendNotification("initialized", {});
let version = 0;

/** Opens config.yaml with this text behind its own; the server reads the schema that its first line names. */
async function open(more, enough = () => true) {
  const file = join(project, `config.yaml`);
  const text = `${original}${more}`;
  await writeFile(file, text);
  const uri = pathToFileURL(file).href;
  told.delete(uri);
  const document = { uri, languageId: "yaml", version: ++version, text };
  if (version > 1) await connection.sendNotification("textDocument/didClose", { textDocument: { uri } });
  await connection.sendNotification("textDocument/didOpen", { textDocument: document });
  for (const deadline = Date.now() + 30_000; !told.has(uri) || !enough(told.get(uri));) {
    assert.ok(Date.now() < deadline, `no such diagnostics: ${JSON.stringify(told.get(uri))}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { uri, lines: text.split("\n"), diagnostics: told.get(uri) };
}
const original = await readFile(join(project, "config.yaml"), "utf8");

await row("diagnostics of the config.yaml of init, as cloned and built", "none", async () => {
  assert.deepEqual((await open("")).diagnostics, []);
});
await row("diagnostics of an unknown key", "one that names it", async () => {
  await open("\nmodel_nam: x\n", (diagnostics) => /model_nam/.test(JSON.stringify(diagnostics)));
});
await row("hover over model_name", "its description", async () => {
  const { uri, lines } = await open("");
  const line = lines.findIndex((each) => each.startsWith("model_name"));
  const hover = await connection.sendRequest("textDocument/hover", {
    textDocument: { uri },
    position: { line, character: 3 },
  });
  assert.ok(JSON.stringify(hover?.contents ?? "").length > 10, JSON.stringify(hover));
});
server.kill();
await rm(dir, { recursive: true, force: true });
process.exit(0);
