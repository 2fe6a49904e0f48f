// What the clients call: the models of test/clients/models by `serve`, on a host, and on a host over TLS.
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../../helpers/install-packages.ts";
import { type SpawnedCli, spawnCli } from "../../helpers/spawn-cli.ts";
import { startTestHost } from "../../helpers/test-host.ts";
import { tmpDir } from "../../helpers/tmp-dir.ts";
import type { TargetKind } from "./row-file.ts";
import { mustRun } from "./run-program.ts";
import type { Scope } from "./scope.ts";

export const MODELS = fileURLToPath(new URL("../models/", import.meta.url));

/** Where one model is called. */
export interface ModelAddress {
  /** In front of the routes of a running model: `${root}/predict`. */
  root: string;
  /** Base URL of OpenAI's clients. */
  openai: string;
  /** Base URL of Anthropic's clients. */
  anthropic: string;
  /** In front of the Open Inference Protocol: `${oip}/v2`. */
  oip: string;
  websocket: string;
}

/** What a file of rows gets in the environment variable PURLIN_TARGET. */
export interface Target {
  kind: TargetKind;
  /** The host's own address; empty for `serve`. */
  url: string;
  /** The host's key; any text for `serve`. */
  key: string;
  /** A certificate to trust, for TLS. */
  ca: string;
  models: Record<string, ModelAddress>;
}

/** Copies of the projects, so that nothing is built within the repository. */
export async function copyModels(scope: Scope): Promise<string> {
  const dir = await tmpDir(scope, "pc-models-");
  await cp(MODELS, dir, { recursive: true });
  for (const name of await readdir(dir)) await installPackages(join(dir, name));
  return dir;
}

export async function startServe(
  scope: Scope,
  dir: string,
  names: readonly string[],
  env: Record<string, string> = {},
): Promise<Target> {
  const models: Target["models"] = {};
  for (const name of names) {
    const cli = spawnCli(scope, ["serve", "--port", "0", "--log-format", "json"], {
      cwd: join(dir, name),
      env,
    });
    const [, url = ""] = await listening(cli);
    await cli.waitFor(/^ready$/m, { timeout: 60_000 });
    const websocket = `${url.replace("http", "ws")}/v1/websocket`;
    models[name] = { root: url, openai: `${url}/v1`, anthropic: url, oip: url, websocket };
  }
  return { kind: "serve", url: "", key: "none", ca: "", models };
}

export async function startHost(
  scope: Scope,
  dir: string,
  options: { names: readonly string[]; tls?: boolean; env?: Record<string, string> },
): Promise<Target> {
  const certificate = options.tls ? await makeCertificate(scope) : null;
  const args = certificate ? ["--tls-cert", certificate.cert, "--tls-key", certificate.key] : [];
  const ca = certificate?.cert ?? "";
  const env = { ...options.env, ...(ca === "" ? {} : { NODE_EXTRA_CA_CERTS: ca }) };
  const host = await startTestHost(scope, { args, env });
  const models: Target["models"] = {};
  for (const name of options.names) {
    await host.ok(["push", join(dir, name)]);
    const root = `${host.url}/models/${name}/production/sync`;
    models[name] = {
      root,
      openai: `${host.url}/v1`,
      anthropic: host.url,
      oip: host.url,
      websocket: `${root.replace("http", "ws")}/v1/websocket`,
    };
  }
  return { kind: options.tls ? "tls" : "host", url: host.url, key: host.key, ca, models };
}

/** Signed by itself, for the loopback addresses. */
export async function makeCertificate(scope: Scope): Promise<{ cert: string; key: string }> {
  const dir = await tmpDir(scope, "pc-tls-");
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  await mustRun(["openssl", "req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", ...names]);
  return { cert, key };
}

function listening(cli: SpawnedCli): Promise<RegExpMatchArray> {
  return cli.waitFor(/listening on (\S+)/, { timeout: 60_000 });
}
