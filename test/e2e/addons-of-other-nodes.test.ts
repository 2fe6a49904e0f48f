// Addons that only some versions of Node can load: told before anything is loaded or sent, by name.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { HostClient } from "../../src/client/host-client.ts";
import { openHostConnection } from "../../src/client/host-connection.ts";
import { pushPackage } from "../../src/client/transfer/push-package.ts";
import { readPackage } from "../../src/pack/check-package.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";
import { boundTo, compileAddon, NO_COMPILER, NODE_API_ADDON, staticAddon } from "../helpers/compile-addon.ts";
import { execCli, spawnCli } from "../helpers/spawn-cli.ts";
import { startTestHost } from "../helpers/test-host.ts";
import { until } from "../helpers/until.ts";

const ABI = Number(process.versions.modules);
const OTHER = ABI === 115 ? 127 : 115;
const OTHER_NODE = OTHER === 115 ? 20 : 22;

/** Says that it was loaded: an addon is refused before the code that needs it runs. */
const MODEL = `import lib from "lib";
console.log("the model's code runs");
export class Model { predict() { return typeof lib; } }`;

const LIB = {
  "node_modules/lib/package.json": JSON.stringify({ name: "lib", version: "1.2.3", main: "index.js" }),
  "node_modules/lib/index.js": 'module.exports = require("./build/Release/lib.node");',
};

/** A project whose package "lib" is an addon of this source. */
async function project(
  t: TestContext,
  source: string,
  files: Record<string, string | Uint8Array> = {},
): Promise<string> {
  return makeProject(t, {
    "config.yaml": "model_name: served\nexamples:\n  - name: one\n    input: 1\n    output: object\n",
    "model/model.ts": MODEL,
    ...LIB,
    "node_modules/lib/build/Release/lib.node": await readFile(await compileAddon(t, source)),
    ...files,
  });
}

function assertRefused(said: string): void {
  assert.match(said, /WRONG_NODE/);
  assert.match(said, new RegExp(`lib for Node ${OTHER_NODE} \\(ABI ${OTHER}\\)`));
  assert.match(said, /deps\/node_modules\/lib\/build\/Release\/lib\.node/);
  assert.match(said, new RegExp(`Node ${process.versions.node.replaceAll(".", "\\.")} \\(ABI ${ABI}\\)`));
  assert.match(said, /npm rebuild/);
  assert.doesNotMatch(said, /the model's code runs/);
}

describe("addons that only some versions of Node can load", { skip: NO_COMPILER }, () => {
  it("serve and test refuse one of another Node before the model's code runs", async (t) => {
    const dir = await project(t, boundTo(OTHER));
    const tested = await execCli(t, ["test", "--json"], { cwd: dir });
    assert.notEqual(tested.code, 0);
    assertRefused(tested.stdout + tested.stderr);
    const served = spawnCli(t, ["serve", "--port", "0", "--json"], { cwd: dir });
    assert.notEqual((await served.exited).code, 0);
    assertRefused(served.stdout() + served.stderr());
  });

  for (const [name, source] of Object.entries({
    "for this Node": boundTo(ABI),
    "for this Node and another": boundTo(OTHER, ABI),
    "that registers itself, compiled for this Node": staticAddon(ABI),
    "of Node-API": NODE_API_ADDON,
    "of Node-API that names another Node, too": NODE_API_ADDON + boundTo(OTHER),
  })) {
    it(`an addon ${name} is loaded`, async (t) => {
      const { code, stdout, stderr } = await execCli(t, ["test", "--json"], {
        cwd: await project(t, source),
      });
      assert.equal(code, 0, stdout + stderr);
    });
  }

  it("copies for several Nodes of which the package chooses one are one addon", async (t) => {
    const [other, own] = [boundTo(OTHER), boundTo(ABI)].map((source) => compileAddon(t, source));
    const dir = await project(t, boundTo(ABI), {
      "node_modules/lib/index.js": `module.exports = require("./prebuilds/linux-x64/node.abi" + process.versions.modules + ".node");`,
      [`node_modules/lib/prebuilds/linux-x64/node.abi${OTHER}.node`]: await readFile(
        await (other as Promise<string>),
      ),
      [`node_modules/lib/prebuilds/linux-x64/node.abi${ABI}.node`]: await readFile(
        await (own as Promise<string>),
      ),
      [`node_modules/lib/prebuilds/linux-x64/electron.abi${OTHER}.node`]: await readFile(
        await (other as Promise<string>),
      ),
    });
    const { code, stdout, stderr } = await execCli(t, ["test", "--json"], { cwd: dir });
    assert.equal(code, 0, stdout + stderr);
  });

  it("what registers itself counts as compiled for the Node that built the package", async (t) => {
    const dir = await project(t, staticAddon(ABI));
    const { path } = await buildProject(dir);
    const addons = JSON.parse(await readFile(join(path, "deps/purlin-addons.json"), "utf8")) as unknown;
    assert.deepEqual(addons, [
      { name: "lib", file: "deps/node_modules/lib/build/Release/lib.node", abis: [ABI] },
    ]);
  });

  it("an addon in the data folder counts", async (t) => {
    const addon = await readFile(await compileAddon(t, boundTo(OTHER)));
    const files = { "model/model.ts": "export class Model { predict() { return {}; } }" };
    const config = "model_name: served\nexamples:\n  - name: one\n    input: 1\n    output: {}\n";
    const inData = await makeProject(t, { ...files, "config.yaml": config, "data/fast.node": addon });
    const refused = await execCli(t, ["test", "--json"], { cwd: inData });
    assert.match(refused.stdout + refused.stderr, /WRONG_NODE.*data\/fast\.node/s);
  });

  it("an addon that a package can do without does not keep the package from running", async (t) => {
    const dir = await project(t, NODE_API_ADDON, {
      "node_modules/lib/package.json": JSON.stringify({
        name: "lib",
        version: "1.2.3",
        main: "index.js",
        optionalDependencies: { fast: "1" },
      }),
      "node_modules/lib/index.js": `try { require("fast"); } catch (error) { console.log("without: " + error.message); }
        module.exports = require("./build/Release/lib.node");`,
      "node_modules/fast/package.json": JSON.stringify({ name: "fast", version: "1.0.0", main: "fast.node" }),
      "node_modules/fast/fast.node": await readFile(await compileAddon(t, boundTo(OTHER))),
    });
    const { code, stdout, stderr } = await execCli(t, ["test", "--json"], { cwd: dir });
    assert.equal(code, 0, stdout + stderr);
  });

  it("push refuses it before anything is sent; a host that gets it all the same says so when a replica starts", async (t) => {
    const host = await startTestHost(t);
    const dir = await project(t, boundTo(OTHER));
    const pushed = await host.cli(["push", "--json"], { cwd: dir });
    assert.notEqual(pushed.code, 0);
    assertRefused(pushed.stdout + pushed.stderr);
    assert.match(pushed.stdout + pushed.stderr, /that host runs Node/);
    assert.doesNotMatch(host.process().stderr() + host.process().stdout(), /pushes/);

    const { models } = (await (await host.fetch("/v1/models")).json()) as { models: unknown[] };
    assert.deepEqual(models, [], "nothing of the model has reached the host");

    // As a client of an earlier version, which does not look.
    const connection = await openHostConnection({ url: host.url, key: host.key });
    t.after(() => connection.close());
    const client = new HostClient(connection);
    const place = join(dir, ".purlin/package");
    const { deployment_id } = await pushPackage({
      connection,
      dir: place,
      manifest: readPackage(place),
      limits: (await client.capabilities()).limits,
      commit: { environment: "production" },
      onOpened() {},
      onProgress() {},
    });
    const said = async (): Promise<string> =>
      JSON.stringify(await (await host.fetch(`/v1/deployments/${deployment_id}`)).json());
    await until(async () => /FAILED/.test(await said()), { timeout: 60_000, what: "the deployment to fail" });
    const failure = await said();
    assert.match(failure, /WRONG_NODE/);
    assert.match(failure, new RegExp(`lib for Node ${OTHER_NODE} `));
    assert.doesNotMatch(failure, /the model's code runs/);
  });
});
