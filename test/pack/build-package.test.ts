import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readdirSync, statSync } from "node:fs";
import {
  chmod,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type ActionEvent, silentReporter } from "../../src/events.ts";
import { checkPackage } from "../../src/pack/check-package.ts";
import { readManifestFile } from "../../src/pack/earlier-package.ts";
import { buildProject, ECHO_MODEL, makeProject } from "../helpers/build-project.ts";
import { callPacked } from "../helpers/call-packed.ts";
import { editFile } from "../helpers/edit-file.ts";
import { makeTree, readTree } from "../helpers/make-tree.ts";
import { ROOT } from "../helpers/source-files.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";
import { until } from "../helpers/until.ts";

test("the package is the five layers and the manifest, every byte as the manifest says", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "a", "data/deep/run.sh": "#!/bin/sh\n" });
  await chmod(join(dir, "data/deep/run.sh"), 0o700);
  const result = await buildProject(dir);
  assert.equal(result.path, join(dir, ".purlin/package"));
  const manifest = checkPackage(result.path);
  assert.deepEqual(Object.keys(await readTree(result.path)).sort(), [
    "code/model.mjs",
    "code/model.mjs.map",
    "config/config.json",
    "config/config.yaml",
    "data/a.txt",
    "data/deep/run.sh",
    "purlin.json",
    "runtime/binary.mjs",
    "runtime/cpu-profile.mjs",
    "runtime/debugging.mjs",
    "runtime/form.mjs",
    "runtime/front.mjs",
    "runtime/model.mjs",
    "runtime/openapi.mjs",
    "runtime/package.json",
    "runtime/telemetry.mjs",
    "runtime/tracing.mjs",
    "runtime/type-violations.mjs",
    "runtime/websocket.mjs",
  ]);
  assert.equal(manifest.package, result.package);
  assert.deepEqual(manifest.entry, {
    module: "code/model.mjs",
    class_name: "Model",
    source: "model/model.ts",
  });
  assert.equal(statSync(join(result.path, "data/deep/run.sh")).mode & 0o777, 0o755);
  assert.equal(statSync(join(result.path, "data/a.txt")).mode & 0o777, 0o644);
});

test("the digest does not depend on time, order, umask, folder name or how often it was built", async (t) => {
  const files = {
    "config.yaml": "description: x\n",
    "data/a/x.bin": "x",
    "data/b.bin": "b",
    "data/c/d/e.txt": "e",
  };
  const first = await makeProject(t, files);
  const one = await buildProject(first);
  const second = join(await tmpDir(t), "ünï code", "dist", "other-name");
  await makeTree(second, { "model/model.ts": ECHO_MODEL });
  await makeTree(second, Object.fromEntries(Object.entries(files).toReversed()));
  await utimes(join(second, "data/b.bin"), 1, 1);
  await chmod(join(second, "data/b.bin"), 0o600);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const two = await buildProject(second);
  process.umask(umask);
  assert.equal(two.package, one.package);
  assert.deepEqual(two.layers, one.layers);
  assert.equal(statSync(join(two.path, "data/b.bin")).mode & 0o777, 0o644);

  await editFile(join(first, "data/b.bin"), "b", "other");
  const three = await buildProject(first);
  assert.notEqual(three.package, one.package);
  assert.deepEqual(three.changed_since_last, {
    package: one.package,
    layers: ["data"],
    added: 0,
    removed: 0,
    changed: 1,
    bytes: 4,
  });
  await editFile(join(first, "data/b.bin"), "other", "b");
  assert.equal((await buildProject(first)).package, one.package);
});

test("a rebuild without changes does nothing; each kind of change is seen", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "aaa", "model/helper.ts": "export {};" });
  const memory = (): string[] =>
    readdirSync(join(dir, ".purlin/cache")).filter((name) => name.startsWith("build-"));
  // What was written in the same tick of the clock as the build began is not trusted.
  const settled = async () => {
    await until(async () => {
      await buildProject(dir);
      return (await buildProject(dir)).cached;
    });
    return buildProject(dir);
  };
  const before = await settled();
  assert.equal(memory().length, 1);
  const inode = statSync(join(before.path, "purlin.json")).ino;
  assert.equal((await buildProject(dir)).cached, true);
  assert.equal(statSync(join(before.path, "purlin.json")).ino, inode);

  const changes: Record<string, () => Promise<unknown>> = {
    "an edit of the code": () => editFile(join(dir, "model/model.ts"), "return input", "return [input]"),
    "an edit of config.yaml": () => writeFile(join(dir, "config.yaml"), "model_name: other\n"),
    "an edit of data of the same length, its time put back": async () => {
      const file = join(dir, "data/a.txt");
      const { atime, mtime } = statSync(file);
      await writeFile(file, "bbb");
      await utimes(file, atime, mtime);
    },
    "a new file in data": () => writeFile(join(dir, "data/b.txt"), "b"),
    "a file of data removed": () => unlink(join(dir, "data/b.txt")),
    "an ignore file": () => writeFile(join(dir, ".purlinignore"), "data/a.txt\n"),
    "a tsconfig.json": () => writeFile(join(dir, "tsconfig.json"), '{"compilerOptions":{"target":"es2020"}}'),
    "a package.json": () => writeFile(join(dir, "package.json"), "{}"),
    "data/ gone": () => rm(join(dir, "data"), { recursive: true }),
    "data/ back": () => makeTree(dir, { "data/c.txt": "c" }),
    "a file of the package overwritten": () =>
      writeFile(join(before.path, "data/x.txt"), "").then(() =>
        truncate(join(before.path, "code/model.mjs"), 3),
      ),
    "a file of the package removed": () => unlink(join(before.path, "runtime/front.mjs")),
    "the package removed": () => rm(before.path, { recursive: true }),
  };
  for (const [name, change] of Object.entries(changes)) {
    await settled();
    await change();
    const result = await buildProject(dir);
    assert.equal(result.cached, false, name);
    checkPackage(result.path);
  }
});

test("a first build is remembered, also where the code lies in the project folder itself", async (t) => {
  const dir = await makeProject(t, {
    "config.yaml": "model_name: t\nmodel_module_dir: .\n",
    "model.ts": 'import "./other";\nexport class Model { predict() {} }',
    "other/index.ts": "",
    "tsconfig.json": "{}",
  });
  // Older than the tick in which a build could begin.
  for (const name of ["config.yaml", "model.ts", "tsconfig.json", "other/index.ts", "other"]) {
    await until(() => Date.now() - statSync(join(dir, name)).ctimeMs > 20);
  }
  assert.equal((await buildProject(dir)).cached, false);
  assert.equal((await buildProject(dir)).cached, true);
  await writeFile(join(dir, "other.ts"), "throw new Error()");
  assert.equal((await buildProject(dir)).cached, false, "the import means another file now");
});

test("packed data does not change when the project's is edited in place, and is not copied again", async (t) => {
  const dir = await makeProject(t, { "data/a.bin": "first", "data/b.bin": "second" });
  await until(async () => {
    await buildProject(dir);
    return (await buildProject(dir)).cached;
  });
  const { path } = await buildProject(dir);
  const inode = statSync(join(path, "data/b.bin")).ino;
  const { open } = await import("node:fs/promises");
  const handle = await open(join(dir, "data/a.bin"), "r+");
  await handle.write("FIRST");
  await handle.close();
  assert.equal(await readFile(join(path, "data/a.bin"), "utf8"), "first");
  await buildProject(dir);
  assert.equal(await readFile(join(path, "data/a.bin"), "utf8"), "FIRST");
  assert.equal(statSync(join(path, "data/b.bin")).ino, inode, "linked from the package before");
  checkPackage(path);
});

test("a model that wrote into its packed data does not poison the next package", async (t) => {
  const dir = await makeProject(t, { "data/a.bin": "first" });
  await until(async () => (await buildProject(dir)) && (await buildProject(dir)).cached);
  const { path } = await buildProject(dir);
  await writeFile(join(path, "data/a.bin"), "written at run time");
  await editFile(join(dir, "model/model.ts"), "return input", "return [input]");
  await buildProject(dir);
  assert.equal(await readFile(join(path, "data/a.bin"), "utf8"), "first");
});

test("links within the project are resolved", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "a", "shared/weights/w.bin": "w", "shared/one.txt": "1" });
  await symlink("a.txt", join(dir, "data/link.txt"));
  await symlink("../shared/weights", join(dir, "data/weights"));
  await symlink(join(dir, "shared/one.txt"), join(dir, "data/absolute.txt"));
  const { path } = await buildProject(dir);
  const tree = await readTree(join(path, "data"));
  assert.deepEqual(tree, { "a.txt": "a", "link.txt": "a", "weights/w.bin": "w", "absolute.txt": "1" });
});

test("links out of the project, to nowhere and in circles are refused by name", async (t) => {
  for (const [target, message] of [
    ["/etc/hostname", /data\/link is a link out of the project, to \/etc\/hostname/],
    ["nowhere", /data\/link is a link that leads nowhere/],
    ["../data", /data\/link is a link to a folder that it lies in/],
  ] as const) {
    const dir = await makeProject(t, { "data/a.txt": "a" });
    await symlink(target, join(dir, "data/link"));
    await assert.rejects(buildProject(dir), { code: "LINK_OUTSIDE", message });
    assert.ok(!existsSync(join(dir, ".purlin/package")));
  }
});

test("secrets never get in, neither by name nor through a link, and each file left out is told", async (t) => {
  const dir = await makeProject(t, {
    ".env": "TOKEN=verysecret",
    "data/.env.local": "TOKEN=verysecret",
    "data/a.txt": "a",
    "data/server.key": "verysecret",
    "data/dist/x": "built",
    ".purlinignore": "data/a.txt\n",
  });
  await symlink("../.env", join(dir, "data/settings"));
  const events: ActionEvent[] = [];
  const result = await buildProject(dir, { events });
  const everything = JSON.stringify(await readTree(result.path));
  assert.ok(!everything.includes("verysecret"));
  const told = result.warnings.map(({ message }) => message).join("\n");
  for (const name of ["data/.env.local", "data/server.key", "data/dist", "data/a.txt", "data/settings"]) {
    assert.match(told, new RegExp(`^${name.replaceAll(".", "\\.")} is not packed`, "m"));
  }
  assert.equal(events.filter(({ type }) => type === "warning").length, result.warnings.length);
});

test("named pipes and names that cannot travel are refused", async (t) => {
  const pipes = await makeProject(t, { "data/a.txt": "a" });
  execFileSync("mkfifo", [join(pipes, "data/pipe")]);
  await assert.rejects(buildProject(pipes), { code: "PATH_INVALID", message: /data\/pipe is a named pipe/ });
  for (const name of ["data/a\\b", "data/x\u202e", "data/e\u0301", "data/end."]) {
    const dir = await makeProject(t, { [name]: "a" });
    await assert.rejects(buildProject(dir), { code: "PATH_INVALID" }, name);
  }
  const twins = await makeProject(t, { "data/a.txt": "a", "data/A.txt": "a" });
  await assert.rejects(buildProject(twins), { code: "PATH_INVALID", message: /data\/A\.txt|data\/a\.txt/ });
});

test("a path with spaces, unicode and dist in it builds and answers", async (t) => {
  const dir = join(await tmpDir(t), "my models", "ünïcödé 模型", "dist", "a'b$(c)");
  await makeTree(dir, {
    "config.yaml": "model_name: t\n",
    "model/model.ts": ECHO_MODEL,
    "data/ä b.txt": "x",
  });
  const { path } = await buildProject(dir);
  assert.deepEqual(await callPacked(path, { a: 1 }), { a: 1 });
  checkPackage(path);
});

test("--output takes an empty folder or a package, never another one", async (t) => {
  const dir = await makeProject(t);
  const out = join(dirname(dir), "out");
  mkdirSync(out);
  const first = await buildProject(dir, { output: out });
  assert.equal(first.path, out);
  checkPackage((await buildProject(dir, { output: out, list: true })).path);
  const precious = join(dirname(dir), "precious");
  await makeTree(precious, { "thesis.txt": "years of work" });
  await assert.rejects(buildProject(dir, { output: precious }), { code: "FILES_EXIST" });
  assert.deepEqual(await readTree(precious), { "thesis.txt": "years of work" });
});

test("--output in the data folder is refused: the next build would pack it", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "a" });
  await assert.rejects(buildProject(dir, { output: join(dir, "data/out") }), { code: "USAGE" });
});

test("--list tells of each file why it is there", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "abc" });
  const { list = [], files } = await buildProject(dir, { list: true });
  assert.equal(list.length, files);
  assert.deepEqual(
    list.find(({ path }) => path === "data/a.txt"),
    { path: "data/a.txt", bytes: 3, rule: "data/" },
  );
  assert.ok(list.every(({ rule }) => rule.length > 0));
});

test("1 GiB of data and more: a warning that names the biggest files and the weights block", async (t) => {
  const dir = await makeProject(t, { "data/small.bin": "x" });
  for (let index = 0; index < 11; index++) {
    await writeFile(join(dir, `data/part-${index}.bin`), "");
    // Sparse: the size counts, the disk holds nothing.
    await truncate(join(dir, `data/part-${index}.bin`), 100 * 1024 * 1024 + index);
  }
  const { warnings, biggest } = await buildProject(dir);
  const [warning] = warnings;
  assert.match(warning?.message ?? "", /1\.1 GiB, and every cold start pulls all of it/);
  assert.equal(warning?.message.split("\n").length, 11);
  assert.ok(!warning?.message.includes("part-0.bin") && warning?.message.includes("part-10.bin"));
  assert.match(warning?.hint ?? "", /weights:\n {2}- source: /);
  assert.deepEqual(biggest[0], { path: "data/part-10.bin", bytes: 100 * 1024 * 1024 + 10 });
  assert.equal(biggest.length, 10);
});

test("builds of one project at the same time leave one whole package and nothing else", async (t) => {
  const dir = await makeProject(t, { "data/a.bin": "x".repeat(100_000) });
  const results = await Promise.all(Array.from({ length: 6 }, () => buildProject(dir)));
  assert.equal(new Set(results.map((result) => result.package)).size, 1);
  checkPackage(join(dir, ".purlin/package"));
  assert.deepEqual(readdirSync(join(dir, ".purlin")).sort(), ["cache", "package"]);
});

test("killed at any moment, a build leaves the package before or the one after; the next one cleans up", async (t) => {
  const dir = await makeProject(t);
  for (let index = 0; index < 300; index++)
    await makeTree(dir, { [`data/${index}.bin`]: "x".repeat(20_000) });
  await buildProject(dir);
  const place = join(dir, ".purlin/package");
  const script = join(dirname(dir), "build.mts");
  await writeFile(
    script,
    `import { build } from ${JSON.stringify(join(ROOT, "src/actions/build.ts"))};
process.send("started");
await build({ dir: process.argv[2], report: { emit(event) { process.send(event.message ?? event.type); } } });
process.exit(0);`,
  );
  let versions = 0;
  for (let round = 0; round < 6; round++) {
    await writeFile(join(dir, "data/0.bin"), `round ${round}`);
    await writeFile(
      join(dir, "model/model.ts"),
      `${ECHO_MODEL}// ${round}\nexport const round = ${round};\n`,
    );
    const child = spawn(process.execPath, ["--import", "tsx", script, dir], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await new Promise<void>((resolve) => {
      child.on("message", (message) => message === "packing" && resolve());
      void exited.then(() => resolve());
    });
    await new Promise((resolve) => setTimeout(resolve, round * 8));
    child.kill("SIGKILL");
    await exited;
    if (existsSync(place)) {
      checkPackage(place);
      versions += 1;
    }
  }
  assert.ok(versions > 0);
  await buildProject(dir);
  checkPackage(place);
  assert.deepEqual(readdirSync(join(dir, ".purlin")).sort(), ["cache", "package"]);
});

test(
  "a folder that cannot be written to is named",
  { skip: process.getuid?.() === 0 && "root may write anywhere" },
  async (t) => {
    const dir = await makeProject(t);
    const shut = join(dirname(dir), "shut");
    mkdirSync(shut, { mode: 0o555 });
    await assert.rejects(buildProject(dir, { output: join(shut, "package") }), { code: "NOT_WRITABLE" });
  },
);

test("an output that lies below a file is named", async (t) => {
  const dir = await makeProject(t, { file: "x" });
  await assert.rejects(buildProject(dir, { output: join(dir, "file", "package") }), {
    code: "NOT_WRITABLE",
    message: /Nothing can be written in .*file/,
  });
});

test("a stop while packing leaves the package before and no rest", async (t) => {
  const dir = await makeProject(t, { "data/big.bin": Buffer.alloc(100 * 1024 * 1024) });
  const abort = new AbortController();
  const building = buildProject(dir, { signal: abort.signal });
  await until(
    () =>
      existsSync(join(dir, ".purlin")) &&
      readdirSync(join(dir, ".purlin")).some((name) => name.startsWith(".package.new")),
  );
  abort.abort(new Error("stopped"));
  await assert.rejects(building);
  assert.ok(!existsSync(join(dir, ".purlin/package")));
  assert.deepEqual(
    readdirSync(join(dir, ".purlin")).filter((name) => name !== "cache"),
    [],
  );
});

test("data is hashed in threads where there is much of it, with the same result", async (t) => {
  const dir = await makeProject(t);
  await mkdir(join(dir, "data"));
  const { createHash } = await import("node:crypto");
  for (let index = 0; index < 5; index++) {
    await writeFile(join(dir, `data/${index}.bin`), Buffer.alloc(20 * 1024 * 1024 + index, index));
  }
  const { path } = await buildProject(dir, { report: silentReporter });
  const manifest = readManifestFile(path);
  for (let index = 0; index < 5; index++) {
    const bytes = Buffer.alloc(20 * 1024 * 1024 + index, index);
    const found = manifest?.files.find(([, name]) => name === `data/${index}.bin`);
    assert.equal(found?.[2], `sha256:${createHash("sha256").update(bytes).digest("hex")}`);
    assert.equal(found?.[3], bytes.length);
  }
});

test("a data file of the package is a copy: hard links of the project's own files are never made", async (t) => {
  const dir = await makeProject(t, { "data/a.bin": "a" });
  linkSync(join(dir, "data/a.bin"), join(dir, "data/b.bin"));
  const { path } = await buildProject(dir);
  assert.notEqual(statSync(join(path, "data/a.bin")).ino, statSync(join(dir, "data/a.bin")).ino);
  await rename(join(dir, "data"), join(dir, "moved"));
  await cp(join(dir, "moved"), join(dir, "data"), { recursive: true });
  assert.equal((await buildProject(dir)).package, readManifestFile(path)?.package);
});
