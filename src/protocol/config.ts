import type { CallableMethod } from "./methods.ts";

/**
 * The validated config.yaml: every key present, every default filled in. `project/` makes it from the
 * file, `pack/` writes it to `config/config.json`, the runtime reads it there and hands it to the model.
 * Key names are those of config.yaml (snake_case), so that what a model sees is what its author wrote.
 */
export interface Config {
  model_name: string;
  description: string | null;
  model_metadata: Record<string, unknown>;
  model_module_dir: string;
  model_class_filename: string;
  model_class_name: string;
  data_dir: string;
  /** Declared names; the values are always null here and come from elsewhere at run time. */
  secrets: Record<string, null>;
  environment_variables: Record<string, string>;
  examples: Example[];
  resources: Resources;
  runtime: RuntimeConfig;
  build: BuildConfig;
  weights: WeightSource[];
  autoscaling: Autoscaling;
  /** Overrides of the keys above, by environment name, as written (validated the same way). */
  environments: Record<string, Record<string, unknown>>;
}

export interface Example {
  name: string;
  /** Sent as JSON; absent where `input_file` is given. */
  input?: unknown;
  /** A file of the data folder, sent as it is. */
  input_file?: string;
  /** Present only where the author gave one: then the answer must equal it. */
  output?: unknown;
  /** How far all numbers of the answer may be off: see protocol/tolerance.ts. */
  approx?: number;
  /** How far all vectors of the answer may be apart. */
  cosine?: number;
  /** The HTTP status that the answer must have; any below 400 where absent. */
  status?: number;
  method: CallableMethod;
}

export interface Resources {
  /** Cores, as Kubernetes writes them: "1", "1.5", "500m". */
  cpu: string;
  /** Bytes, as Kubernetes writes them: "512Mi", "2Gi". */
  memory: string;
  accelerator: string | null;
}

export interface RuntimeConfig {
  workers: number | "auto";
  predict_concurrency: number;
  max_queue: number;
  max_queue_bytes: number;
  max_body_bytes: number;
  predict_timeout_seconds: number | null;
  streaming_read_timeout_seconds: number;
  spare: boolean;
  poison_limit: number;
  cors: string[] | null;
  load_timeout_seconds: number;
  load_retries: number;
  shutdown_timeout_seconds: number;
  cancel_grace_seconds: number;
  batching: { max_size: number; max_wait_ms: number; isolate_errors: boolean } | null;
  /** Bytes, or null where only `resources.memory` speaks. */
  memory_limit: number | null;
  transport:
    | { kind: "http" }
    | {
        kind: "websocket";
        ping_interval_seconds: number | null;
        ping_timeout_seconds: number | null;
        permessage_deflate: boolean;
      };
  /** Answers are packed (gzip, br, zstd) for clients that ask for it. */
  compression: boolean;
  validate_types: boolean;
  validate_output: boolean;
  openai_uses_slot: boolean;
}

export interface BuildConfig {
  external: string[];
  bundle: string[];
  include: string[];
  exclude: string[];
  allow_scripts: string[];
  define: Record<string, string>;
  system_packages: string[];
  commands: string[];
  base_image: string | null;
  node_version: string | null;
  target: string | null;
}

export interface WeightSource {
  source: string;
  mount_location: string;
  auth_secret_name: string | null;
  allow_patterns: string[];
  ignore_patterns: string[];
}

export interface Autoscaling {
  min_replicas: number;
  max_replicas: number;
  concurrency_target: number;
  scale_down_delay_seconds: number;
  window_seconds: number;
}
