import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MAX_UNIX_SOCKET_PATH_BYTES } from "../../../protocol/runtime-env.ts";
import type { Engine } from "../../replicas/engine.ts";
import { Guard } from "./guard.ts";
import { endLeftovers } from "./leftovers.ts";
import { limitsHere } from "./limits.ts";
import { LocalGroup } from "./local-group.ts";
import { LocalReplica } from "./local-replica.ts";
import type { ReplicaTiming } from "./replica-set.ts";
import type { StartReplica } from "./replica.ts";
import { findBubblewrap } from "./sandbox.ts";

/** The longest name of a socket below the run folder: /<replica>/s */
const SOCKET_NAME_BYTES = 40;

export interface LocalEngineOptions {
  /** For sockets and secrets of replicas; emptied by `adopt`. */
  runDir: string;
  /** `false`: no bubblewrap, even where there is one. */
  sandbox?: boolean;
  timing?: ReplicaTiming;
}

/** As a host opens it: everything of the engine is below the host's data folder. */
export const openLocalEngine = (dataDir: string): Engine =>
  createLocalEngine({ runDir: join(dataDir, "run") });

/** Replicas as processes of this machine: the packed runtime, in a process group of its own for each. */
export function createLocalEngine({ runDir, sandbox = true, timing }: LocalEngineOptions): Engine {
  const base = shortFolder(runDir);
  const bwrap = sandbox ? findBubblewrap() : null;
  const guard = new Guard(base);
  const replicas = new Set<LocalReplica>();
  const start: StartReplica = (spec, hooks) => {
    const replica = new LocalReplica(spec, hooks, { base, bwrap, guard });
    replicas.add(replica);
    void replica.exited.then(() => replicas.delete(replica));
    return replica;
  };
  return {
    name: "local",
    capabilities: { swapsInPlace: true, survivesHost: false },
    async isolation() {
      const here = limitsHere();
      return [
        "Each replica is a process group of its own, gets nothing of the host's environment, and ends with the host.",
        bwrap === null
          ? "No sandbox: a model can read what this user can read. Install bubblewrap to change that."
          : "Sandbox (bubblewrap): a model sees the system read-only, its own package and its own secrets, and no other process.",
        here.memory
          ? `Memory is limited to resources.memory (control groups, version ${here.version}).`
          : "Memory is not limited: no control groups that this user may use.",
        here.cpu
          ? `Processor time is limited to resources.cpu (control groups, version ${here.version}).`
          : "Processor time is not limited: no control groups that this user may use.",
        "The network is not limited.",
      ];
    },
    async adopt() {
      endLeftovers(base);
      rmSync(base, { recursive: true, force: true });
      mkdirSync(base, { recursive: true, mode: 0o700 });
    },
    run: (spec, hooks) => new LocalGroup(spec, hooks, { start, timing }),
    async close() {
      await Promise.all([...replicas].map((replica) => replica.stop({ graceMs: 0 })));
      await guard.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/**
 * A path of a socket has a limit: where the data folder lies deep, sockets lie in a short private folder instead,
 * always the same one, so that a later host finds what is left in it.
 */
function shortFolder(runDir: string): string {
  const isShort = Buffer.byteLength(runDir) + SOCKET_NAME_BYTES < MAX_UNIX_SOCKET_PATH_BYTES;
  const name = `purlin-${createHash("sha256").update(runDir).digest("hex").slice(0, 12)}`;
  const base = isShort ? runDir : join(tmpdir(), name);
  if (!isShort && isForeign(base)) return mkdtempSync(join(tmpdir(), "purlin-"));
  return base;
}

/** The folder for temporary files is everybody's: somebody else's folder, or a link, is not to be trusted. */
function isForeign(dir: string): boolean {
  const found = lstatSync(dir, { throwIfNoEntry: false });
  return found !== undefined && (!found.isDirectory() || found.uid !== process.getuid?.());
}
