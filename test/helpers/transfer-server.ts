import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type HostConnection, openHostConnection } from "../../src/client/host-connection.ts";
import { layersOf, packageDigest, sha256, sortEntries } from "../../src/pack/digest.ts";
import type { FileEntry, PackageManifest } from "../../src/protocol/manifest.ts";
import { TRANSFER_LIMITS, type TransferLimits } from "../../src/protocol/transfer.ts";
import { createAudit } from "../../src/server/access/audit.ts";
import { createKeys } from "../../src/server/access/keys.ts";
import { createApi } from "../../src/server/api/api-server.ts";
import { openStore } from "../../src/server/store/open-store.ts";
import type { Store } from "../../src/server/store/store.ts";
import { transferRoutes } from "../../src/server/transfer/transfer-routes.ts";
import { httpServer } from "./http-server.ts";
import { makeTree } from "./make-tree.ts";
import { tmpDir } from "./tmp-dir.ts";

export const TRANSFER_KEY = "transfer-key-0123456789";
export const TARGET = "linux-x64";

export interface TransferServer {
  url: string;
  store: Store;
  connection: HostConnection;
  limits: TransferLimits;
  /** Deployments that were committed, by number. */
  deployments: string[];
  /** Bugs of the server. */
  errors: unknown[];
  /** `METHOD path` of each request. */
  requests: string[];
  /** With the key. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

export interface TransferServerOptions {
  limits?: Partial<TransferLimits>;
  dir?: string;
  /** Sees each request first; true: it has been answered. */
  before?(req: IncomingMessage, res: ServerResponse): boolean;
}

/** The transfer's own routes over a real store and a real socket; a commit makes a number, not a deployment. */
export async function startTransferServer(
  t: Pick<TestContext, "after">,
  options: TransferServerOptions = {},
): Promise<TransferServer> {
  const limits = { ...TRANSFER_LIMITS, ...options.limits } as TransferLimits;
  const store = openStore(options.dir ?? join(await tmpDir(t), "data"), { limits });
  const deployments: string[] = [];
  const errors: unknown[] = [];
  const requests: string[] = [];
  const api = createApi({
    keys: createKeys(store.db, TRANSFER_KEY),
    audit: createAudit(store.db),
    routes: transferRoutes({
      store,
      target: TARGET,
      limits,
      deploy: () => `dep_${deployments.length + 1}`,
      afterCommit: (id) => deployments.push(id),
    }),
    onError: (error) => errors.push(error),
  });
  const { url } = await httpServer(t, (req, res) => {
    requests.push(`${req.method} ${req.url}`);
    if (options.before?.(req, res) !== true) void api(req, res);
  });
  const connection = await openHostConnection({ url, key: TRANSFER_KEY });
  t.after(async () => {
    await connection.close();
    await store.close();
  });
  return {
    url,
    store,
    connection,
    limits,
    deployments,
    errors,
    requests,
    fetch: (path, { headers, ...init } = {}) =>
      fetch(url + path, {
        ...init,
        headers: { authorization: `Bearer ${TRANSFER_KEY}`, ...(headers as object) },
      }),
  };
}

export interface TestPackage {
  dir: string;
  manifest: PackageManifest;
}

/** A package that is whole as far as a transfer can tell. */
export async function makePackage(
  t: TestContext,
  files: Record<string, Uint8Array | string>,
  model = "m",
): Promise<TestPackage> {
  const dir = await tmpDir(t);
  const all = { "code/model.mjs": "export default class Model {}\n", ...files };
  await makeTree(dir, all);
  const entries = Object.entries(all).map(([path, contents]): FileEntry => [
    path.split("/")[0] as FileEntry[0],
    path,
    sha256(contents),
    Buffer.byteLength(contents),
    "644",
  ]);
  return { dir, manifest: manifestOf(entries, model) };
}

/** With digests that follow from its files, whatever these are. */
export function manifestOf(entries: readonly FileEntry[], model = "m"): PackageManifest {
  const layers = layersOf(entries);
  return {
    schema: 1,
    model_name: model,
    package: packageDigest({ target: TARGET, runtimeVersion: "1.0.0", layers }),
    target: TARGET,
    runtime_version: "1.0.0",
    entry: { module: "code/model.mjs", class_name: "Model", source: "model/model.ts" },
    layers,
    files: sortEntries(entries),
  };
}
