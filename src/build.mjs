// Compiles src/ into dist/: the CLI as lazily loaded chunks, the runtime as files of its own, the sdk.
// Usage: node src/build.mjs
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
// Built beside its place and moved there at the end: what runs from dist/ never sees half of it.
const staging = `dist.new-${process.pid}`;
const dist = `${root}${staging}`;
const { version, dependencies } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
const banner = {
  js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
};
process.on("exit", () => rmSync(dist, { recursive: true, force: true }));

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  define: { __PURLIN_VERSION__: JSON.stringify(version) },
};

mkdirSync(dist, { recursive: true });

const [cli, runtime] = await Promise.all([
  build({
    ...common,
    entryPoints: { main: "src/cli/main.ts", "copy-lane": "src/pack/copy-lane.ts" },
    outdir: `${staging}/cli`,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    // What every command needs (commander, yaml, zod) is in the CLI's own files: a bad config is told 80 ms sooner.
    external: Object.keys(dependencies),
    metafile: true,
    banner,
    chunkNames: "chunks/[name]-[hash]",
    minifyWhitespace: true,
    minifySyntax: true,
  }),
  build({
    ...common,
    // The runtime carries what it needs: it runs where nothing is installed.
    entryPoints: {
      front: "src/runtime/front/main.ts",
      model: "src/runtime/model/main.ts",
      websocket: "src/runtime/front/websocket.ts",
      // Loaded only where traces or metrics are sent somewhere.
      telemetry: "src/runtime/front/telemetry.ts",
      tracing: "src/runtime/model/tracing.ts",
      // Loaded only by serve --inspect and serve --cpu-profile.
      debugging: "src/runtime/model/debugging.ts",
      "cpu-profile": "src/runtime/model/cpu-profile.ts",
    },
    outdir: `${staging}/runtime`,
    outExtension: { ".js": ".mjs" },
    banner,
    external: ["./websocket.mjs"],
    define: {
      ...common.define,
      // ws asks for these native helpers where they happen to be installed.
      "process.env.WS_NO_BUFFER_UTIL": '"1"',
      "process.env.WS_NO_UTF_8_VALIDATE": '"1"',
    },
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
  }),
  build({
    ...common,
    entryPoints: { index: "src/sdk/index.ts" },
    outdir: `${staging}/sdk`,
    outExtension: { ".js": ".mjs" },
  }),
]);

writeFileSync(`${dist}/runtime/meta.json`, JSON.stringify(runtime.metafile));
writeFileSync(
  `${dist}/runtime/package.json`,
  `${JSON.stringify({ name: "purlin-runtime", version, type: "module" })}\n`,
);
writeFileSync(`${dist}/THIRD-PARTY-LICENSES.txt`, licencesOf([cli.metafile, runtime.metafile]));
declareSdk();
cpSync(`${root}package.json`, `${dist}/package.json`);
putInPlace();

/** Another build may put its own there between the two calls. */
function putInPlace(attempts = 5) {
  rmSync(`${root}dist`, { recursive: true, force: true });
  try {
    renameSync(dist, `${root}dist`);
  } catch (error) {
    if (attempts === 0) throw error;
    putInPlace(attempts - 1);
  }
}

/** The types of what user code imports as "purlin". */
function declareSdk() {
  const compiler = `${root}node_modules/typescript/bin/tsc`;
  const fixed =
    "--declaration --emitDeclarationOnly --ignoreConfig --rootDir src/sdk --target es2023 --module nodenext " +
    "--lib es2023,dom,dom.iterable";
  const args = [...fixed.split(" "), "--types", "", "--outDir", `${staging}/sdk`, "src/sdk/index.ts"];
  execFileSync(process.execPath, [compiler, ...args], { cwd: root, stdio: "inherit" });
  // For projects where no package of that name is installed: `init` puts it beside the model.
  const types = readFileSync(`${dist}/sdk/index.d.ts`, "utf8").replaceAll(/^(export )?declare /gm, "$1");
  const head = '// The types of "purlin", for editors; written by `purlin init`.\n';
  writeFileSync(
    `${dist}/sdk/purlin-env.d.ts`,
    `${head}declare module "purlin" {\n${types.replaceAll(/^(?=.)/gm, "  ")}}\n`,
  );
}

/** The notices of the packages whose code is inside ours. */
function licencesOf(metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const names = inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter(Boolean))]
    .sort()
    .map((name) => {
      const dir = `${root}node_modules/${name}/`;
      const file = readdirSync(dir).find((entry) => /^licen[cs]e/i.test(entry));
      const { version, license } = JSON.parse(readFileSync(`${dir}package.json`, "utf8"));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(dir + file, "utf8").trim() : ""}\n`;
    })
    .join("\n----\n\n");
}
