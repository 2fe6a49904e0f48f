/**
 * A machine of the second engine: a process of its own that keeps as many replicas as it is told, behind TCP, replaces
 * those that die, and goes on when the host that told it has gone. It speaks JSON over HTTP on a port of loopback.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { isAppError } from "../../../src/errors.ts";
import { RUNTIME_ENV } from "../../../src/protocol/runtime-env.ts";
import type { RunningRuntime } from "../../../src/supervise/running-runtime.ts";
import { startRuntime } from "../../../src/supervise/start-runtime.ts";
import { LineSplitter } from "../../../src/util/line-splitter.ts";
import type { AgentReplica, AgentSpec, Notice } from "./agent-protocol.ts";

const [dir = ""] = process.argv.slice(2);

class Group {
  readonly replicas = new Map<string, AgentReplica & { runtime: RunningRuntime }>();
  readonly #listeners = new Set<(notice: Notice) => void>();
  #spec: AgentSpec;
  #wanted = 0;
  #hasServed = false;
  #count = 0;

  constructor(spec: AgentSpec) {
    this.#spec = spec;
  }

  listen(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    listener({ type: "replicas", replicas: this.list() });
    return () => this.#listeners.delete(listener);
  }

  list(): AgentReplica[] {
    return [...this.replicas.values()].map(({ id, state, url, pid, since }) => ({
      id,
      state,
      url,
      pid,
      since,
    }));
  }

  keep(spec: AgentSpec, wanted: number, hasServed: boolean): void {
    this.#spec = spec;
    this.#wanted = wanted;
    this.#hasServed ||= hasServed;
    for (const { id } of this.replicas.values()) this.#writeSecrets(id);
    const alive = [...this.replicas.values()].filter(({ state }) => state !== "draining");
    for (let count = alive.length; count < wanted; count++) this.#start();
    for (const replica of alive.slice(wanted)) {
      replica.state = "draining";
      void replica.runtime.stop({ graceMs: 10_000 });
    }
    this.#changed();
  }

  async end(graceMs: number): Promise<void> {
    this.#wanted = 0;
    const stops = [...this.replicas.values()].map((replica) => {
      replica.state = "draining";
      return replica.runtime.stop(graceMs === 0 ? { signal: "SIGKILL" } : { graceMs });
    });
    this.#changed();
    await Promise.all(stops);
  }

  #start(): void {
    const id = `${this.#spec.deployment}-${this.#count++}`;
    const own = mkdtempSync(join(dir, "replica-"));
    const configFile = join(own, "config.json");
    writeFileSync(configFile, JSON.stringify(this.#spec.config));
    mkdirSync(join(dir, id), { recursive: true });
    this.#writeSecrets(id);
    const onLine = (line: string): void => this.#tell({ type: "line", replica: id, line });
    const lines = { stdout: new LineSplitter(onLine), stderr: new LineSplitter(onLine) };
    const runtime = startRuntime({
      packageDir: this.#spec.packageDir,
      listen: { host: "127.0.0.1", port: 0 },
      cleanEnv: true,
      env: {
        [RUNTIME_ENV.config]: configFile,
        [RUNTIME_ENV.environment]: JSON.stringify(this.#spec.environmentInfo),
        [RUNTIME_ENV.secretsDir]: join(dir, id),
        [RUNTIME_ENV.mode]: "production",
        [RUNTIME_ENV.logFormat]: "json",
      },
      stdout: "pipe",
      stderr: "pipe",
      onOutput: (stream, text) => lines[stream].push(text),
    });
    const replica = {
      id,
      state: "loading" as AgentReplica["state"],
      url: "",
      pid: runtime.pid,
      since: new Date().toISOString(),
      runtime,
    };
    this.replicas.set(id, replica);
    this.#tell({ type: "event", event: "replica-started", message: `Replica ${id} starts`, replica: id });
    let failure: unknown = null;
    runtime.listening.then(
      (url) => (replica.url = url),
      () => undefined,
    );
    runtime.ready.then(
      () => {
        if (replica.state === "draining") return;
        replica.state = "ready";
        this.#hasServed = true;
        this.#changed();
      },
      (error: unknown) => (failure = error),
    );
    void runtime.exited.then(() => {
      for (const splitter of Object.values(lines)) splitter.end();
      this.replicas.delete(id);
      rmSync(own, { recursive: true, force: true });
      if (replica.state !== "draining") {
        this.#tell({ type: "event", event: "replica-ended", message: `Replica ${id} ended`, replica: id });
        if (!this.#hasServed) {
          this.#wanted = 0;
          const code = isAppError(failure) ? failure.code : "RUNTIME_FAILED";
          this.#tell({ type: "failed", code, message: failure instanceof Error ? failure.message : "ended" });
        }
      }
      const alive = [...this.replicas.values()].filter(({ state }) => state !== "draining").length;
      if (alive < this.#wanted) this.#start();
      this.#changed();
    });
  }

  #writeSecrets(id: string): void {
    for (const [name, value] of Object.entries(this.#spec.secrets)) writeFileSync(join(dir, id, name), value);
  }

  #changed(): void {
    this.#tell({ type: "replicas", replicas: this.list() });
  }

  #tell(notice: Notice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}

const groups = new Map<string, Group>();

const server = createServer((req, res) => void handle(req, res));
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
// Whoever started it holds its stdin: the agent ends with the test, not with a host.
process.stdin.resume().on("end", () => {
  void Promise.all([...groups.values()].map((group) => group.end(0))).then(() => process.exit(0));
});

async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? "/", "http://agent");
  const [, what = "", name = ""] = pathname.split("/");
  if (what === "groups" && req.method === "GET") return follow(name, req, res);
  const body = (await read(req)) as never;
  if (what === "adopt") await adopt(body);
  else if (req.method === "PUT") {
    const { spec, wanted, hasServed } = body as { spec: AgentSpec; wanted: number; hasServed: boolean };
    groupOf(name, spec).keep(spec, wanted, hasServed);
  } else if (req.method === "DELETE") {
    const group = groups.get(name);
    groups.delete(name);
    await group?.end(Number(searchParams.get("grace_ms")));
  }
  res.end("{}");
}

function follow(name: string, req: IncomingMessage, res: ServerResponse): void {
  const group = groups.get(name);
  if (group === undefined) return void res.writeHead(404).end();
  res.writeHead(200, { "content-type": "application/x-ndjson" });
  const stop = group.listen((notice) => res.write(`${JSON.stringify(notice)}\n`));
  req.on("close", stop);
}

async function adopt(wanted: readonly string[]): Promise<void> {
  const others = [...groups].filter(([name]) => !wanted.includes(name));
  for (const [name] of others) groups.delete(name);
  await Promise.all(others.map(([, group]) => group.end(0)));
}

function groupOf(name: string, spec: AgentSpec): Group {
  let group = groups.get(name);
  if (group === undefined) groups.set(name, (group = new Group(spec)));
  return group;
}

async function read(req: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const piece of req.setEncoding("utf8")) text += piece as string;
  return text === "" ? null : JSON.parse(text);
}
