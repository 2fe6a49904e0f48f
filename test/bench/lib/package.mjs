/** Package folders for the bench, put together by hand: what is measured here is the runtime, not `build`. */
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MODELS = fileURLToPath(new URL("../models/", import.meta.url));
const RUNTIME = fileURLToPath(new URL("../../../dist/runtime/", import.meta.url));

/** `package(name)` gives the folder, below `root`, of the package made of models/<name>.mjs. */
export function packageFolder(root) {
  if (!existsSync(join(RUNTIME, "front.mjs"))) {
    throw new Error("dist/runtime is missing: run `npm run build` first");
  }
  // dist/ may be compiled anew while the bench runs: all packages get the files of this moment.
  const runtime = join(root, "runtime");
  cpSync(RUNTIME, runtime, { recursive: true });
  return {
    /**
     * With `profileDir`, its model process writes a CPU profile there when it shuts down; `settings` are keys of
     * config.yaml's `runtime`, and make a package of their own.
     */
    package(name, { profileDir = null, settings = {} } = {}) {
      const chosen = JSON.stringify(settings).replaceAll(/[^\w]+/g, "-");
      const variant = [name, ...(profileDir === null ? [] : ["profiled"]), chosen].join("-");
      const dir = join(root, "packages", variant);
      if (!existsSync(dir)) assemble(dir, { name, profileDir, settings, runtime });
      return dir;
    },
  };
}

function assemble(dir, { name, profileDir, settings, runtime }) {
  for (const layer of ["code", "config", "data", "deps"]) mkdirSync(join(dir, layer), { recursive: true });
  cpSync(runtime, join(dir, "runtime"), { recursive: true });
  cpSync(join(MODELS, `${name}.mjs`), join(dir, profileDir === null ? "code/model.mjs" : "code/inner.mjs"));
  if (profileDir !== null) cpSync(join(MODELS, "profiled.mjs"), join(dir, "code/model.mjs"));
  cpSync(join(MODELS, "spin.mjs"), join(dir, "code/spin.mjs"));
  writeFileSync(join(dir, "config/config.json"), JSON.stringify(configOf(name, { profileDir, settings })));
  writeFileSync(join(dir, "purlin.json"), JSON.stringify(manifestOf(name)));
}

function manifestOf(name) {
  const none = `sha256:${"0".repeat(64)}`;
  const layer = { tree: none, files: 0, bytes: 0 };
  return {
    schema: 1,
    model_name: name,
    package: none,
    target: `${process.platform}-${process.arch}`,
    runtime_version: "0.0.0",
    entry: { module: "code/model.mjs", class_name: "Model", source: "model/model.ts" },
    layers: { code: layer, config: layer, data: layer, deps: layer, runtime: layer },
    files: [],
  };
}

/** config.yaml's defaults, every key present, as src/protocol/config.ts has them. */
function configOf(name, { profileDir, settings }) {
  return {
    model_name: name,
    description: null,
    model_metadata: { profile_dir: profileDir },
    model_module_dir: "model",
    model_class_filename: "model.ts",
    model_class_name: "Model",
    data_dir: "data",
    secrets: {},
    environment_variables: {},
    examples: [],
    resources: { cpu: "1", memory: "2Gi", accelerator: null },
    runtime: {
      workers: 1,
      // A stream holds its slot: the yardstick writes all its streams at once, so this model may too.
      predict_concurrency: name.startsWith("stream") ? 64 : 1,
      max_queue: 1000,
      max_queue_bytes: 256 * 1024 * 1024,
      max_body_bytes: 100 * 1024 * 1024,
      predict_timeout_seconds: null,
      streaming_read_timeout_seconds: 60,
      spare: false,
      poison_limit: 3,
      cors: null,
      load_timeout_seconds: 1800,
      load_retries: 1,
      shutdown_timeout_seconds: 60,
      cancel_grace_seconds: 10,
      batching: null,
      memory_limit: null,
      transport: { kind: "http" },
      compression: false,
      validate_types: false,
      validate_output: false,
      openai_uses_slot: false,
      ...settings,
    },
    build: {
      external: [],
      bundle: [],
      include: [],
      exclude: [],
      allow_scripts: [],
      define: {},
      system_packages: [],
      commands: [],
      base_image: null,
      node_version: null,
      target: null,
    },
    weights: [],
    autoscaling: {
      min_replicas: 1,
      max_replicas: 1,
      concurrency_target: 1,
      scale_down_delay_seconds: 900,
      window_seconds: 60,
    },
    environments: {},
  };
}
