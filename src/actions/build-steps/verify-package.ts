import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, CancelledError, isAppError } from "../../errors.ts";
import type { Reporter } from "../../events.ts";
import { readPackage } from "../../pack/check-package.ts";
import { clonePackage } from "../../pack/clone-package.ts";
import { RUNTIME_ENV } from "../../protocol/runtime-env.ts";
import { startRuntime } from "../../supervise/start-runtime.ts";
import { refuseForeign } from "./refuse-foreign.ts";

export interface VerifyOptions {
  /** The project, whose .env may hold secrets that `load` asks for. */
  projectDir: string;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

/**
 * Starts a package where nothing else is: imports, load and examples run as they will anywhere. The folder is
 * outside the project, or else Node would find a missing package in the project's own node_modules.
 * Throws AppError VERIFY_FAILED with the model's own message.
 */
export async function verifyPackage(place: string, options: VerifyOptions): Promise<void> {
  const manifest = readPackage(place);
  refuseForeign(manifest.target);
  options.report.emit({ type: "step", message: "verifying: loading the package in an empty folder" });
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "purlin-verify-")));
  let output = "";
  try {
    clonePackage(manifest, place, dir);
    const dotenv = join(options.projectDir, ".env");
    const runtime = startRuntime({
      packageDir: dir,
      listen: { port: 0, host: "127.0.0.1" },
      env: {
        // Nor may it find one where a person keeps packages for everything.
        NODE_PATH: "",
        [RUNTIME_ENV.workers]: "1",
        ...(existsSync(dotenv) ? { [RUNTIME_ENV.dotenv]: dotenv } : {}),
      },
      stdout: "pipe",
      stderr: "pipe",
      onOutput: (_stream, text) => {
        output = (output + text).slice(-4000);
      },
    });
    const stop = (): void => void runtime.stop({ graceMs: 2000 });
    options.signal?.addEventListener("abort", stop, { once: true });
    try {
      await runtime.ready;
    } catch (error) {
      if (options.signal?.aborted) throw cancelled(options.signal);
      throw verifyFailed(error, output, dir);
    } finally {
      options.signal?.removeEventListener("abort", stop);
      await runtime.stop({ graceMs: 20_000 });
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The folder was only there for this; paths are shown from the package's root. */
function verifyFailed(error: unknown, output: string, dir: string): AppError {
  const shorten = (text: string): string => text.replaceAll(`file://${dir}/`, "").replaceAll(`${dir}/`, "");
  const said = shorten(error instanceof Error ? error.message : String(error));
  const known = isAppError(error) ? error : null;
  return new AppError("VERIFY_FAILED", `The packed model does not run: ${said}`, {
    hint: hintFor(`${said}\n${output}`),
    ...(known?.location ? { location: { ...known.location, file: shorten(known.location.file) } } : {}),
    problems: (known?.problems ?? []).map((problem) => ({ ...problem, message: shorten(problem.message) })),
    cause: error,
  });
}

function hintFor(text: string): string {
  const library =
    /([\w.+-]+\.(?:so[\w.]*|dylib|dll)): cannot open shared object|Library not loaded: (\S+)/.exec(text);
  if (library) {
    return `The shared library ${library[1] ?? library[2]} is neither in the package nor on this machine. If build.exclude left it out, take that line back; else install it and name it in build.system_packages.`;
  }
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(text)?.[1];
  if (missing !== undefined && !missing.startsWith("/") && !missing.startsWith(".")) {
    return `${missing} is loaded by a name that only running tells. Install it, and name it under build.include in config.yaml.`;
  }
  return "The same would happen wherever it is deployed.";
}

function cancelled(signal: AbortSignal): CancelledError {
  return signal.reason instanceof CancelledError ? signal.reason : new CancelledError();
}
