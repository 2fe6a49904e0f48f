import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPush, pushPackage } from "../client/transfer/push-package.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Reporter } from "../events.ts";
import type { HostClient } from "../client/host-client.ts";
import { type Digest, MANIFEST_FILE, type PackageManifest } from "../protocol/manifest.ts";
import { build } from "./build.ts";
import { followDeployment } from "./host-steps/follow-deployment.ts";
import { type HostAccess, withHost } from "./host-steps/with-host.ts";
import { refuseForeignAddons } from "./push-steps/refuse-foreign-addons.ts";
import { readSecrets } from "./push-steps/read-secrets.ts";
import { uploadProgress } from "./push-steps/upload-progress.ts";

export interface PushOptions extends HostAccess {
  /** Absolute: a project, a package folder, or an archive of one. */
  source: string;
  environment: string;
  message?: string | undefined;
  /** 1 to 99. */
  rollout?: number | undefined;
  /** Until it is live; false returns once it is committed. */
  wait: boolean;
  timeoutMs: number;
  /** Absolute path of a file with secrets, set before the deployment. */
  secretsFrom?: string | undefined;
  dryRun?: boolean | undefined;
  /** Whatever somebody else has pushed meanwhile. */
  force?: boolean | undefined;
  report: Reporter;
}

export interface PushResult {
  model: string;
  environment: string;
  deployment_id: string | null;
  package: Digest;
  uploaded_bytes: number;
  uploaded_files: number;
  /** DRY_RUN, or the state of the deployment. */
  state: string;
  /** Of the environment: /predict and the other routes are below it. */
  url: string;
  duration_ms: number;
}

/** Builds for the server's machine, sends what is missing there, deploys, and waits. Throws AppError. */
export async function push(options: PushOptions): Promise<PushResult> {
  const startedAt = performance.now();
  return withHost(options, async (client) => {
    const capabilities = await client.capabilities();
    const secrets = options.secretsFrom === undefined ? {} : readSecrets(options.secretsFrom);
    const source = await openSource(options, capabilities.target);
    try {
      const { dir, manifest } = source;
      refuseForeignAddons(dir, capabilities.node);
      const model = manifest.model_name;
      const base = {
        model,
        environment: options.environment,
        package: manifest.package,
        url: `${client.connection.url}/models/${model}/environments/${options.environment}`,
      };
      const took = (): number => Math.round(performance.now() - startedAt);
      if (options.dryRun === true)
        return { ...base, ...(await missingOf(client, manifest, options.signal)), duration_ms: took() };
      const expected =
        options.force === true ? undefined : await desiredPackage(client, model, options.environment);
      for (const [name, value] of Object.entries(secrets)) await client.setSecret(name, value);
      const progress = uploadProgress(options.report);
      const pushed = await pushPackage({
        connection: client.connection,
        dir,
        manifest,
        limits: capabilities.limits,
        commit: {
          environment: options.environment,
          message: options.message,
          rollout: options.rollout,
          expect_previous: expected,
        },
        signal: options.signal,
        onOpened: ({ missing, missing_bytes }) => progress.begin(missing.length, missing_bytes),
        onProgress: progress.tell,
      });
      options.report.emit({ type: "step", message: `committed as ${pushed.deployment_id}` });
      const state = options.wait ? (await follow(client, pushed.deployment_id, options)).state : pushed.state;
      return {
        ...base,
        deployment_id: pushed.deployment_id,
        uploaded_bytes: pushed.uploaded_bytes,
        uploaded_files: pushed.uploaded_files,
        state,
        duration_ms: took(),
      };
    } finally {
      source.dispose();
    }
  });
}

function follow(client: HostClient, deployment: string, { timeoutMs, report, signal }: PushOptions) {
  return followDeployment({ client, deployment, timeoutMs, report, signal });
}

interface Source {
  dir: string;
  manifest: PackageManifest;
  dispose(): void;
}

async function openSource(options: PushOptions, target: string): Promise<Source> {
  const { source, report, signal } = options;
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new AppError("INPUT_INVALID", `There is nothing at ${source}.`, {
      hint: "Name a project folder, a package folder, or an archive made by purlin build --archive.",
    });
  }
  if (stat.isFile()) {
    const { unpackArchive } = await import("../pack/unpack-archive.ts");
    const parent = mkdtempSync(join(tmpdir(), "purlin-push-"));
    const dispose = (): void => rmSync(parent, { recursive: true, force: true });
    try {
      const dir = join(parent, "package");
      return { dir, manifest: await unpackArchive(source, dir), dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  }
  if (statSync(join(source, MANIFEST_FILE), { throwIfNoEntry: false })?.isFile() === true) {
    const { checkPackage } = await import("../pack/check-package.ts");
    return { dir: source, manifest: await checkPackage(source), dispose() {} };
  }
  const built = await build({ dir: source, target, report, signal });
  const manifest = JSON.parse(readFileSync(join(built.path, MANIFEST_FILE), "utf8")) as PackageManifest;
  return { dir: built.path, manifest, dispose() {} };
}

async function missingOf(client: HostClient, manifest: PackageManifest, signal?: AbortSignal) {
  const base = `/v1/models/${encodeURIComponent(manifest.model_name)}`;
  const { missing, missing_bytes } = await openPush({
    connection: client.connection,
    base,
    manifest,
    signal,
  });
  return {
    deployment_id: null,
    uploaded_bytes: missing_bytes,
    uploaded_files: missing.length,
    state: "DRY_RUN",
  };
}

/** What this push takes for granted; null where nothing was ever pushed there. */
async function desiredPackage(
  client: HostClient,
  model: string,
  environment: string,
): Promise<Digest | null> {
  try {
    const { environments } = await client.status(model);
    return environments.find(({ name }) => name === environment)?.desired?.package ?? null;
  } catch (error) {
    if (isAppError(error) && error.code === "NOT_ON_HOST") return null;
    throw error;
  }
}
