// Spec deployment.md, promise 6: what a model can reach.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeModelProject } from "../../helpers/make-model-project.ts";
import { startTestHost, type TestHost } from "../../helpers/test-host.ts";

/** Reads, writes and lists whatever it is told to, and says what came of it. */
const PROBE = `
import fs from "node:fs";
export class Model {
  secrets: any;
  constructor({ secrets }: any) { this.secrets = secrets; }
  predict({ read, write, list, env }: any) {
    try {
      if (read) return { got: fs.readFileSync(read, "latin1").length };
      if (write) { fs.writeFileSync(write, "x"); return { wrote: true }; }
      if (list) return { names: fs.readdirSync(list) };
      if (env) return { env: Object.keys(process.env) };
    } catch (error: any) { return { code: error.code }; }
    return { token: this.secrets.token };
  }
}`;

async function probe(host: TestHost, input: object): Promise<Record<string, unknown>> {
  const answer = await host.predict("probe", input);
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Record<string, unknown>;
}

describe("a model on a deployment server", () => {
  it("gets nothing of the host's environment, and only secrets that its config names", async (t) => {
    const host = await startTestHost(t, { env: { HOST_ONLY: "1" } });
    await host.ok(["secrets", "set", "token"], { input: "mine" });
    await host.ok(["secrets", "set", "foreign"], { input: "not mine" });
    const project = await makeModelProject(t, "probe", "secrets: {token: null}\n");
    await project.write("model/model.ts", PROBE);
    await host.ok(["push", project.dir]);
    assert.equal((await probe(host, {}))["token"], "mine");
    const names = (await probe(host, { env: true }))["env"] as string[];
    for (const name of ["HOST_ONLY", "PURLIN_API_KEY", "PURLIN_HOME"]) assert.ok(!names.includes(name), name);
  });

  it("in the sandbox: reaches neither the host's store nor other replicas, and changes nothing of its package", async (t) => {
    const host = await startTestHost(t);
    const { isolation } = (await (await host.fetch("/v1/capabilities")).json()) as { isolation: string[] };
    if (!isolation.some((sentence) => sentence.includes("bubblewrap)"))) return t.skip("no bubblewrap here");
    const project = await makeModelProject(t, "probe");
    await project.write("model/model.ts", PROBE);
    await host.ok(["push", project.dir]);
    for (const file of ["state.db", "lock", "blobs", "configs"]) {
      const isFolder = file === "blobs" || file === "configs";
      const { code } = await probe(host, { [isFolder ? "list" : "read"]: `${host.dataDir}/${file}` });
      assert.equal(code, "ENOENT", file);
    }
    for (const folder of ["run", "packages"]) {
      const { names } = await probe(host, { list: `${host.dataDir}/${folder}` });
      // A replica's folder, and its config beside that.
      const own = new Set((names as string[]).map((name) => name.replace(".json", "")));
      assert.equal(own.size, 1, `its own in ${folder} alone`);
    }
    const { names: processes } = await probe(host, { list: "/proc" });
    const pids = (processes as string[]).filter((name) => /^\d+$/.test(name));
    assert.ok(pids.length < 10, `${pids.length} processes are seen`);
    const [front = ""] = await packageFolders(host);
    assert.match(String((await probe(host, { write: `${front}/code/model.mjs` }))["code"]), /EROFS|EACCES/);
    assert.match(String((await probe(host, { write: "/usr/lib/purlin-was-here" }))["code"]), /EROFS|EACCES/);
  });
});

async function packageFolders(host: TestHost): Promise<string[]> {
  const { names } = await probe(host, { list: `${host.dataDir}/packages` });
  return (names as string[]).map((name) => `${host.dataDir}/packages/${name}`);
}
