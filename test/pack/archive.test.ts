import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { Header } from "tar";
import { checkPackage } from "../../src/pack/check-package.ts";
import { createArchive } from "../../src/pack/create-archive.ts";
import { layersOf, packageDigest, sha256 } from "../../src/pack/digest.ts";
import { unpackArchive } from "../../src/pack/unpack-archive.ts";
import type { FileEntry, LayerName, PackageManifest } from "../../src/protocol/manifest.ts";
import { buildProject, makeProject } from "../helpers/build-project.ts";
import { seededRandom } from "../helpers/random.ts";
import { tmpDir } from "../helpers/tmp-dir.ts";

test("an archive unpacks to the same package, executables included", async (t) => {
  const dir = await makeProject(t, {
    "data/run.sh": "x",
    "data/@odd": "x",
    [`data/${"d/".repeat(80)}deep.txt`]: "x",
  });
  await chmod(join(dir, "data/run.sh"), 0o755);
  const archive = join(dirname(dir), "m.tgz");
  const result = await buildProject(dir, { archive });
  assert.equal(result.archive?.bytes, statSync(archive).size);
  const out = join(dirname(dir), "out");
  const manifest = await unpackArchive(archive, out);
  assert.equal(manifest.package, result.package);
  assert.equal(checkPackage(out).package, result.package);
});

test("an archive of one package is always the same file", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "a" });
  const { path } = await buildProject(dir);
  const [one, two] = [join(dirname(dir), "1.tgz"), join(dirname(dir), "2.tgz")];
  await createArchive(path, one);
  await utimes(join(path, "data/a.txt"), 1, 1);
  await chmod(join(path, "data/a.txt"), 0o640);
  await createArchive(path, two);
  assert.ok((await readFile(one)).equals(await readFile(two)));
  const listing = execFileSync("tar", ["-tzvf", one], { encoding: "utf8" });
  assert.match(listing.split("\n")[0] ?? "", /^-rw-r--r-- 0\/0 .* purlin\.json$/);
});

test("what does not compress is stored, what does is compressed", async (t) => {
  const weights = await makeProject(t, { "data/weights.bin": randomBytes(8 * 1024 * 1024) });
  const text = await makeProject(t, { "data/words.txt": "words ".repeat(1024 * 1024) });
  const stored = await buildProject(weights, { archive: join(dirname(weights), "a.tgz") });
  const packed = await buildProject(text, { archive: join(dirname(text), "a.tgz") });
  assert.ok((stored.archive?.bytes ?? 0) > stored.bytes);
  assert.ok((packed.archive?.bytes ?? Infinity) < packed.bytes / 10);
});

test("a file that is no archive, cut short or not there is told as that", async (t) => {
  const dir = await tmpDir(t);
  await writeFile(join(dir, "text.tgz"), "not an archive at all");
  await writeFile(join(dir, "noise.tgz"), randomBytes(5000));
  await writeFile(join(dir, "empty.tgz"), "");
  const whole = archiveOf({ "code/model.mjs": "x".repeat(50_000) });
  await writeFile(join(dir, "short.tgz"), whole.subarray(0, whole.length / 2));
  await writeFile(join(dir, "short.tar"), gunzipSync(whole).subarray(0, 8000));
  for (const name of ["text.tgz", "noise.tgz", "empty.tgz", "short.tgz", "short.tar", "missing.tgz"]) {
    await assert.rejects(unpackArchive(join(dir, name), join(dir, "out")), { code: "PACKAGE_INVALID" }, name);
    assert.ok(!existsSync(join(dir, "out")), name);
  }
});

describe("hostile archives are refused and leave nothing", () => {
  const file = (path: string, contents = "x"): Buffer => tarEntry({ path, size: contents.length }, contents);
  const cases: Record<string, () => Buffer> = {
    "a path upwards in the manifest": () => archiveOf({ "data/../../escaped": "x" }),
    "a path upwards beside the manifest": () => archiveOf({ "data/a": "x" }, [file("../escaped")]),
    "an absolute path": () => archiveOf({ "data/a": "x" }, [file("/tmp/purlin-escaped")]),
    "a file that the manifest does not list": () => archiveOf({ "data/a": "x" }, [file("data/b")]),
    "a file twice": () => archiveOf({ "data/a": "x" }, [file("data/a")]),
    "a symbolic link": () =>
      archiveOf({ "data/a": "x" }, [
        tarEntry({ path: "data/link", type: "SymbolicLink", linkpath: "/etc", size: 0 }),
      ]),
    "a link in place of a listed file": () =>
      rawArchive([
        manifestEntry({ "data/a": "" }),
        tarEntry({ path: "data/a", type: "SymbolicLink", linkpath: "/etc/passwd", size: 0 }),
      ]),
    "a hard link": () =>
      archiveOf({ "data/a": "x" }, [
        tarEntry({ path: "data/link", type: "Link", linkpath: "/etc/passwd", size: 0 }),
      ]),
    "a device": () =>
      archiveOf({ "data/a": "x" }, [tarEntry({ path: "data/null", type: "CharacterDevice", size: 0 })]),
    "other bytes than the digest says": () =>
      rawArchive([manifestEntry({ "data/a": "x" }), file("data/a", "y")]),
    "another size than listed": () => rawArchive([manifestEntry({ "data/a": "x" }), file("data/a", "xx")]),
    "a listed file missing": () =>
      rawArchive([manifestEntry({ "data/a": "x", "data/b": "x" }), file("data/a")]),
    "no manifest": () => rawArchive([file("data/a")]),
    "the manifest last": () => rawArchive([file("data/a"), manifestEntry({ "data/a": "x" })]),
    "a manifest that is no JSON": () => rawArchive([file("purlin.json", "{")]),
    "a manifest of another format": () =>
      rawArchive([manifestEntry({ "data/a": "x" }, { schema: 99 as 1 }), file("data/a")]),
    "a digest that does not follow": () =>
      rawArchive([manifestEntry({ "data/a": "x" }, { package: sha256("other") }), file("data/a")]),
    "twins by case": () => archiveOf({ "data/a": "x", "data/A": "x" }),
    "a file in another layer's folder": () =>
      rawArchive([manifestEntry({ "data/a": "x" }, {}, "code"), file("data/a")]),
    "a bomb": () => archiveOf({ "data/zeros": Buffer.alloc(1) }, [], 5 * 1024 ** 4),
  };
  for (const [name, make] of Object.entries(cases)) {
    test(name, async (t) => {
      const dir = await tmpDir(t);
      await writeFile(join(dir, "bad.tgz"), make());
      await assert.rejects(unpackArchive(join(dir, "bad.tgz"), join(dir, "in", "out")), {
        code: "PACKAGE_INVALID",
      });
      assert.ok(!existsSync(join(dir, "in", "out")));
      assert.deepEqual((await readdir(dir)).sort(), ["bad.tgz", "in"]);
      assert.ok(!existsSync("/tmp/purlin-escaped"));
    });
  }
});

test("archives with random damage never unpack to something else", async (t: TestContext) => {
  const dir = await tmpDir(t);
  const whole = gunzipSync(archiveOf({ "data/a": "hello".repeat(300), "code/model.mjs": "export {}" }));
  const random = seededRandom(11);
  let refused = 0;
  for (let round = 0; round < 150; round++) {
    const bytes = Buffer.from(whole);
    for (let hit = 0; hit <= random.int(3); hit++) bytes[random.int(bytes.length)] = random.int(256);
    const [file, out] = [join(dir, `${round}.tar`), join(dir, `out-${round}`)];
    await writeFile(file, bytes);
    try {
      await unpackArchive(file, out);
      // The damage fell on padding or on a time: then the package is whole.
      checkPackage(out);
    } catch (error) {
      assert.equal((error as { code: string }).code, "PACKAGE_INVALID", String(error));
      refused += 1;
    }
  }
  assert.ok(refused > 50, `${refused}`);
});

test("a damaged package folder is found out", async (t) => {
  const dir = await makeProject(t, { "data/a.txt": "abc" });
  const damages: Record<string, (path: string) => Promise<unknown>> = {
    "other bytes": (path) => writeFile(join(path, "data/a.txt"), "abd"),
    "a foreign file": (path) => writeFile(join(path, "data/b.txt"), ""),
    "a link": (path) => symlink("a.txt", join(path, "data/b.txt")),
    "another mode": (path) => chmod(join(path, "data/a.txt"), 0o755),
    "no manifest": (path) => writeFile(join(path, "purlin.json"), ""),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const { path } = await buildProject(dir, { output: join(dirname(dir), name) });
    checkPackage(path);
    await damage(path);
    assert.throws(() => checkPackage(path), { code: "PACKAGE_INVALID" }, name);
  }
  await mkdir(join(dirname(dir), "nothing"));
  assert.throws(() => checkPackage(join(dirname(dir), "nothing")), { code: "PACKAGE_INVALID" });
});

type Contents = Record<string, string | Uint8Array>;

function archiveOf(files: Contents, more: Buffer[] = [], claimedSize?: number): Buffer {
  const entries = Object.entries(files).map(([path, contents]) =>
    tarEntry({ path, size: contents.length }, contents),
  );
  return rawArchive([manifestEntry(files, {}, undefined, claimedSize), ...entries, ...more]);
}

function rawArchive(entries: Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

function manifestEntry(
  files: Contents,
  change: Partial<PackageManifest> = {},
  layer?: LayerName,
  claimedSize?: number,
): Buffer {
  const entries = Object.entries(files).map(([path, contents]): FileEntry => [
    layer ?? (path.split("/")[0] as LayerName),
    path,
    sha256(contents),
    claimedSize ?? contents.length,
    "644",
  ]);
  const layers = layersOf(entries);
  const manifest: PackageManifest = {
    schema: 1,
    model_name: "m",
    package: packageDigest({ target: "linux-x64", runtimeVersion: "1", layers }),
    target: "linux-x64",
    runtime_version: "1",
    entry: { module: "code/model.mjs", class_name: "Model", source: "model/model.ts" },
    layers,
    files: entries,
    ...change,
  };
  const text = JSON.stringify(manifest);
  return tarEntry({ path: "purlin.json", size: Buffer.byteLength(text) }, text);
}

function tarEntry(
  head: ConstructorParameters<typeof Header>[0] & object,
  contents: string | Uint8Array = "",
): Buffer {
  const header = new Header({ mode: 0o644, type: "File", ...head });
  const block = Buffer.alloc(512);
  header.encode(block, 0);
  const bytes = Buffer.from(contents);
  return Buffer.concat([block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
