import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { AppError } from "../../../src/errors.ts";
import type { Address } from "../../../src/protocol/address.ts";
import { LocalGroup } from "../../../src/server/engines/local/local-group.ts";
import type {
  Replica,
  ReplicaHooks,
  ReplicaSpec,
  StartReplica,
} from "../../../src/server/engines/local/replica.ts";
import type { Engine } from "../../../src/server/replicas/engine.ts";

export interface ScriptedEngine extends Engine {
  /** Packages whose model cannot be loaded. */
  readonly broken: Set<string>;
  /** Those that run now, newest last. */
  running(): ReplicaSpec[];
  /** As a model that says something. */
  say(id: string, line: string): void;
  /** As a process that is killed. */
  kill(id: string): void;
}

/** Replicas as small HTTP servers of this process: each answers with its deployment, package and secrets. */
export function scriptedEngine(dir: string, { loadMs = 5 } = {}): ScriptedEngine {
  const alive = new Map<string, { spec: ReplicaSpec; end(reason: string): void; hooks: ReplicaHooks }>();
  const broken = new Set<string>();
  let count = 0;
  const start: StartReplica = (spec, hooks): Replica => {
    const socket = join(dir, `s${count++}`);
    let secrets = spec.secrets;
    const server: Server = createServer((req, res) => {
      if (req.url === "/health/ready") return res.end("{}");
      if (req.url === "/metrics") return res.end(`# TYPE own_total counter\nown_total{kind="x"} 7\n`);
      req.resume().on("end", () =>
        res.end(
          JSON.stringify({
            deployment: spec.deployment,
            package: spec.packageDir.split("/").at(-1),
            secrets,
          }),
        ),
      );
    });
    let exit!: (value: { reason: string }) => void;
    const exited = new Promise<{ reason: string }>((resolve) => (exit = resolve));
    const end = (reason: string): void => {
      if (!alive.delete(spec.id)) return;
      server.closeAllConnections();
      server.close();
      exit({ reason });
    };
    alive.set(spec.id, { spec, end, hooks });
    const listening = new Promise<Address>((resolve) =>
      server.listen(socket, () => resolve({ kind: "unix", path: socket })),
    );
    const ready = (async () => {
      await listening;
      await new Promise((resolve) => setTimeout(resolve, loadMs));
      if (broken.has(spec.packageDir.split("/").at(-1) as string)) {
        // The reason is told before the end, as a runtime does.
        setImmediate(() => end("exit code 1"));
        throw new AppError("LOAD_FAILED", "The model's load failed: no weights");
      }
      if (!alive.has(spec.id)) throw new AppError("RUNTIME_FAILED", "stopped");
      hooks.onEvent({ type: "ready", digest: "x", load_ms: loadMs });
      return { load_ms: loadMs };
    })();
    ready.catch(() => undefined);
    return {
      id: spec.id,
      place: "a test",
      listening,
      ready,
      exited,
      setSecrets: (next) => void (secrets = next),
      swapMethods: () => Promise.reject(new Error("not asked for here")),
      stop: async () => {
        end("stopped");
        await exited;
      },
      stats: () => null,
    };
  };
  return {
    name: "scripted",
    capabilities: { swapsInPlace: true, survivesHost: false },
    broken,
    isolation: async () => [],
    adopt: async () => undefined,
    run: (spec, hooks) => new LocalGroup(spec, hooks, { start }),
    running: () => [...alive.values()].map(({ spec }) => spec),
    say: (id, line) => alive.get(id)?.hooks.onLine(line),
    kill: (id) => alive.get(id)?.end("killed"),
    close: async () => {
      for (const { end } of alive.values()) end("closed");
    },
  };
}
