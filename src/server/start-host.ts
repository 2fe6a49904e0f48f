import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, BlockList, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "../errors.ts";
import { TRANSFER_LIMITS } from "../protocol/transfer.ts";
import { hostTargetName } from "../util/host-target.ts";
import { installedVersion } from "../util/install-dir.ts";
import { createAudit } from "./access/audit.ts";
import { createKeys } from "./access/keys.ts";
import { readMasterKey } from "./access/master-key.ts";
import { createSecrets } from "./access/secrets.ts";
import { createApi, mayUse } from "./api/api-server.ts";
import { apiRoutes } from "./api/api-routes.ts";
import { Deployments } from "./deployments/deployments.ts";
import { openEngine } from "./engines/index.ts";
import { inferenceAuthorization } from "./router/inference-authorization.ts";
import type { Engine } from "./replicas/engine.ts";
import { createRouter } from "./router/router.ts";
import { openStore, type Retention } from "./store/open-store.ts";

const GARBAGE_EVERY_MS = 10 * 60_000;
/** Above what clients and proxies keep idle connections for, so that it is they who close them. */
const KEEP_ALIVE_MS = 75_000;

export interface HostOptions {
  /** Absolute. */
  dataDir: string;
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Name of an engine in engines/index.ts, or an engine that is open; models run on this machine without it. */
  engine?: string | Engine | undefined;
  /** Of scope admin. */
  adminKey: string;
  /** Where the key of the secrets lies, outside the data folder. */
  masterKeyFile: string;
  /** PURLIN_MASTER_KEY: 64 hex digits, or a passphrase. */
  masterKey?: string | undefined;
  log(entry: HostLogEntry): void;
  /** Files. */
  tls?: { cert: string; key: string } | undefined;
  retention?: Retention | undefined;
  /** Addresses of proxies whose X-Forwarded-* is believed. */
  trustProxy?: readonly string[] | undefined;
}

export interface HostLogEntry {
  level: "debug" | "info" | "warn" | "error";
  message: string;
  [field: string]: unknown;
}

export interface RunningHost {
  url: string;
  isolation: string[];
  /** Ends the requests under way, then everything that was started. */
  close(): Promise<void>;
}

/** A key as hosts make them. */
export const newHostKey = (): string => `plk_${randomBytes(32).toString("base64url")}`;

/** Throws UsageError for an unknown engine; AppError PORT_IN_USE, HOST_INVALID, HOST_DATA, NOT_WRITABLE. */
export async function startHost(options: HostOptions): Promise<RunningHost> {
  const { dataDir, log } = options;
  const engine =
    typeof options.engine === "object" ? options.engine : await openEngine(options.engine, { dataDir });
  const store = openStore(dataDir, { retention: options.retention });
  try {
    const keys = createKeys(store.db, options.adminKey);
    const secrets = createSecrets(
      store.db,
      readMasterKey(store.db, options.masterKey, options.masterKeyFile),
    );
    const audit = createAudit(store.db);
    const isolation = await engine.isolation();
    const deployments = new Deployments({
      store,
      engine,
      secretsFor: (names) => secrets.valuesFor(names),
      onError: (error) => log({ level: "error", message: textOf(error) }),
    });
    let isReady = false;
    const target = hostTargetName();
    const api = createApi({
      keys,
      audit,
      routes: apiRoutes({
        version: installedVersion(),
        target,
        limits: TRANSFER_LIMITS,
        isolation,
        store,
        deployments,
        isReady: () => isReady,
        keys,
        secrets,
        audit,
      }),
      onError: (error, request) =>
        log({
          level: "error",
          message: textOf(error),
          ...request,
        }),
    });
    const trusted = options.trustProxy ?? [];
    const proxies = blockListOf(trusted);
    const router = createRouter(deployments, {
      authorize(req, model) {
        const key = keys.check(inferenceAuthorization(req));
        if (model !== null) mayUse(key, model);
      },
      // Looking an address up costs as much as routing the request.
      ...(trusted.length === 0 ? {} : { isTrustedProxy: (req) => isIn(proxies, req.socket.remoteAddress) }),
    });
    const server = createListener(options.tls, (req, res) => {
      if (!router.handle(req, res)) void api(req, res);
    });
    server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
      if (router.handle(req, res)) return;
      res.writeContinue();
      void api(req, res);
    });
    server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (router.upgrade(req, socket, head)) return;
      // Whoever hangs up first ends nothing but their own connection.
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
    });
    await listen(server, options);
    await deployments.start();
    isReady = true;
    const collect = (): void => {
      store.collectGarbage().then(
        ({ blobs, bytes }) => blobs > 0 && log({ level: "info", message: "garbage collected", blobs, bytes }),
        (error: unknown) => log({ level: "error", message: `garbage collection failed: ${String(error)}` }),
      );
    };
    const collector = setInterval(collect, GARBAGE_EVERY_MS);
    collector.unref();
    return {
      url: urlOf(server, options),
      isolation,
      async close() {
        clearInterval(collector);
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeIdleConnections();
        await router.close(70_000);
        await deployments.close({ graceMs: 5000 });
        await engine.close();
        server.closeAllConnections();
        await closed;
        await store.close();
      },
    };
  } catch (error) {
    await engine.close();
    await store.close();
    throw error;
  }
}

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

function createListener(tls: HostOptions["tls"], handle: RequestListener): Server {
  const limits = { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: 20_000, requestTimeout: 0 };
  if (tls === undefined) return createServer(limits, handle);
  try {
    return createTlsServer({ ...limits, cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, handle);
  } catch (error) {
    throw new AppError(
      "INPUT_INVALID",
      `The certificate or its key cannot be used: ${(error as Error).message}`,
      {
        hint: "Name both as PEM files: --tls-cert cert.pem --tls-key key.pem",
        cause: error,
      },
    );
  }
}

function listen(server: Server, { port, host }: HostOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") {
        const hint = "Choose another with --port, or --port 0 for a free one.";
        reject(new AppError("PORT_IN_USE", `Port ${port} on ${host} is in use.`, { hint }));
      } else {
        const hint = "Use --host 127.0.0.1 for this machine only.";
        reject(
          new AppError("HOST_INVALID", `${host}:${port} cannot be listened on: ${error.message}`, { hint }),
        );
      }
    });
    server.listen(port, host, () => resolve());
  });
}

function urlOf(server: Server, { host, tls }: HostOptions): string {
  const { port } = server.address() as AddressInfo;
  return `${tls === undefined ? "http" : "https"}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function blockListOf(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const address of addresses) {
    const [network = "", bits] = address.split("/");
    const family = isIP(network) === 6 ? "ipv6" : "ipv4";
    if (isIP(network) === 0) {
      throw new AppError("INPUT_INVALID", `${address} is no address of a proxy.`, {
        hint: "As in --trust-proxy 10.0.0.1",
      });
    }
    if (bits === undefined) list.addAddress(network, family);
    else list.addSubnet(network, Number(bits), family);
  }
  return list;
}

function isIn(list: BlockList, address: string | undefined): boolean {
  if (address === undefined || isIP(address) === 0) return false;
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
