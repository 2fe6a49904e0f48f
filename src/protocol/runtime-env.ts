/** The environment variables through which a packed runtime is told what to do. */
export const RUNTIME_ENV = {
  /** Package root; the folder above runtime/ when unset. */
  packageDir: "PURLIN_PACKAGE_DIR",
  /** JSON file with the effective config, used instead of config/config.json in the package. */
  config: "PURLIN_CONFIG",
  /** TCP port (0 picks one) and host; --port and --host win. */
  port: "PORT",
  host: "HOST",
  /** Unix socket to listen on instead; under 100 bytes. --socket wins. */
  socket: "PURLIN_SOCKET",
  controlFd: "PURLIN_CONTROL_FD",
  /** `development`: outputs are validated. `production` is the default. */
  mode: "PURLIN_MODE",
  logFormat: "PURLIN_LOG_FORMAT",
  logLevel: "PURLIN_LOG_LEVEL",
  workers: "PURLIN_WORKERS",
  /** Set for user code: the place of its process among the workers, from 0. */
  worker: "PURLIN_WORKER",
  /** A client must have sent its headers by then; 20. */
  headersTimeout: "PURLIN_HEADERS_TIMEOUT_SECONDS",
  /** A body must bring 10 KiB, or its end, in every so many seconds; 10. */
  bodyPace: "PURLIN_BODY_PACE_SECONDS",
  /** `exit` (default): a model that cannot be loaded ends the runtime with 1. `stay`: it answers 503. */
  onLoadFailure: "PURLIN_ON_LOAD_FAILURE",
  /** ExampleMode, `check` without it; `skip`: they are not run, `purlin test` runs them itself, one by one. */
  examples: "PURLIN_EXAMPLES",
  /**
   * HOST:PORT on which a debugger can attach to the model process; time limits are off then. In development alone.
   * With `inspectBreak`, it waits for one and stops before the model's code is loaded.
   */
  inspect: "PURLIN_INSPECT",
  inspectBreak: "PURLIN_INSPECT_BREAK",
  /** Folder, or a file named *.cpuprofile, for the CPU profiles of model processes. In development alone. */
  cpuProfile: "PURLIN_CPU_PROFILE",
  /** JSON of `{name, ...}` when deployed to an environment. */
  environment: "PURLIN_ENVIRONMENT",
  secretsDir: "PURLIN_SECRETS_DIR",
  /** The project's .env, read for secrets in local serve; never packed. */
  dotenv: "PURLIN_DOTENV",
} as const;

/** Prefix of environment variables that hold a secret: PURLIN_SECRET_<NAME>. */
export const SECRET_ENV_PREFIX = "PURLIN_SECRET_";

/** The variable that holds a secret: its name in upper case, other characters as `_`. */
export function secretEnvName(name: string): string {
  return SECRET_ENV_PREFIX + name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

export const MAX_UNIX_SOCKET_PATH_BYTES = 100;
