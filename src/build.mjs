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
    entryPoints: {
      main: "src/cli/main.ts",
      "copy-lane": "src/pack/copy-lane.ts",
      "types-worker": "src/types/types-worker.ts",
    },
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
      // Loaded at the first request that is not plain JSON.
      binary: "src/runtime/model/formats/binary.ts",
      form: "src/runtime/model/formats/form.ts",
      openapi: "src/runtime/front/openapi.ts",
      // Loaded for the first input that breaks its type.
      "type-violations": "src/runtime/model/type-violations.ts",
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
  buildTypeScript(),
]);

writeFileSync(`${dist}/runtime/meta.json`, JSON.stringify(runtime.metafile));
writeFileSync(
  `${dist}/runtime/package.json`,
  `${JSON.stringify({ name: "purlin-runtime", version, type: "module" })}\n`,
);
writeFileSync(
  `${dist}/THIRD-PARTY-LICENSES.txt`,
  licencesOf([cli.metafile, runtime.metafile], ["typescript-api"]),
);
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

/**
 * The compiler's API, for `src/types/`: a seventh of the package and twice as quick to load, and no second `tsc` among
 * the commands of a project that installs Purlin. TypeScript 7 has no API yet.
 */
async function buildTypeScript() {
  const lib = `${root}node_modules/typescript-api/lib/`;
  await build({
    ...common,
    bundle: false,
    entryPoints: { typescript: `${lib}typescript.js` },
    outdir: `${staging}/types`,
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    minify: true,
  });
  // One file without comments is parsed in a third of the time of sixty with them.
  const queue = ["es2023"];
  let text = "";
  for (const name of queue) {
    const file = readFileSync(`${lib}lib.${name}.d.ts`, "utf8");
    text += file.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "").replaceAll(/\s*\n\s*/g, "\n");
    for (const [, more] of file.matchAll(/<reference lib="([^"]+)"/g)) {
      if (!queue.includes(more) && !more.endsWith(".intl")) queue.push(more);
    }
  }
  writeFileSync(`${dist}/types/lib.d.ts`, text);
  // `purlin types --client ts` writes it out as it is.
  cpSync(`${root}src/types/client/client-template.ts`, `${dist}/types/client-template.ts`);
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
function licencesOf(metafiles, more) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const names = inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set([...names.filter(Boolean), ...more])]
    .sort()
    .map((name) => {
      const dir = `${root}node_modules/${name}/`;
      const file = readdirSync(dir).find((entry) => /^licen[cs]e/i.test(entry));
      const { version, license } = JSON.parse(readFileSync(`${dir}package.json`, "utf8"));
      return `${name} ${version} (${license})\n\n${file ? readFileSync(dir + file, "utf8").trim() : ""}\n`;
    })
    .join("\n----\n\n");
}
