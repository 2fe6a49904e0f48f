import { AppError, type ErrorCode } from "../../../src/errors.ts";
import { parseAddress } from "../../../src/protocol/address.ts";
import type { Config } from "../../../src/protocol/config.ts";
import type { DeploymentError } from "../../../src/protocol/host-api.ts";
import type {
  DeploymentSpec,
  Engine,
  GroupHooks,
  ReplicaGroup,
  SeenReplica,
} from "../../../src/server/replicas/engine.ts";
import type { AgentReplica, Notice } from "./agent-protocol.ts";

const RETRY_MS = 50;

/** An engine whose replicas live with an agent (agent.ts), which keeps their number by itself. */
export function createRemoteEngine(agentUrl: string): Engine {
  const groups = new Set<RemoteGroup>();
  return {
    name: "remote",
    capabilities: { swapsInPlace: false, survivesHost: true },
    isolation: async () => ["Replicas run elsewhere."],
    adopt: async (deployments) => void (await tell(`${agentUrl}/adopt`, "POST", deployments)),
    run(spec, hooks) {
      const group = new RemoteGroup(spec, hooks, `${agentUrl}/groups/${spec.deployment}`);
      groups.add(group);
      return group;
    },
    close: async () => {
      await Promise.all([...groups].map((group) => group.leave()));
    },
  };
}

class RemoteGroup implements ReplicaGroup {
  readonly firstReady: Promise<void>;
  readonly #url: string;
  readonly #hooks: GroupHooks;
  #spec: DeploymentSpec;
  #resolveFirst!: () => void;
  #rejectFirst!: (error: unknown) => void;
  #replicas: AgentReplica[] = [];
  #wanted = 0;
  #isProven = false;
  #following: AbortController | null = null;
  #lastError: DeploymentError | null = null;
  /** Requests to the agent go one after the other. */
  #telling: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(spec: DeploymentSpec, hooks: GroupHooks, url: string) {
    this.#spec = spec;
    this.#hooks = hooks;
    this.#url = url;
    this.firstReady = new Promise((resolve, reject) => {
      this.#resolveFirst = resolve;
      this.#rejectFirst = reject;
    });
    this.firstReady.catch(() => undefined);
  }

  get ready(): number {
    return this.#replicas.filter(({ state }) => state === "ready").length;
  }

  get lastError(): DeploymentError | null {
    return this.ready < this.#wanted ? this.#lastError : null;
  }

  assumeProven(): void {
    this.#isProven = true;
  }

  scale(replicas: number): void {
    this.#wanted = replicas;
    void this.#keep();
  }

  list(): SeenReplica[] {
    return this.#replicas.map(({ id, state, pid, since }) => ({
      id,
      state,
      in_flight: this.#hooks.inFlight(id),
      restarts: 0,
      place: `process ${pid} of the agent`,
      rss_bytes: null,
      since,
    }));
  }

  setSecrets(secrets: Record<string, string>): void {
    this.#spec = { ...this.#spec, secrets };
    void this.#keep();
  }

  setConfig(config: Config): void {
    this.#spec = { ...this.#spec, config };
  }

  swapMethods(): Promise<number> {
    return Promise.reject(new Error("this engine does not swap in place"));
  }

  reportOutcome(): void {
    // The agent watches its replicas itself.
  }

  async stop({ graceMs = 75_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#isOver = true;
    for (const { id } of this.#replicas) void this.#hooks.backends.remove(id);
    this.#telling = this.#telling
      .then(() => tell(`${this.#url}?grace_ms=${graceMs}`, "DELETE", null))
      .catch(() => undefined);
    await this.#telling;
    this.#following?.abort();
  }

  /** The replicas stay as they are. */
  async leave(): Promise<void> {
    this.#isOver = true;
    await this.#telling;
    this.#following?.abort();
  }

  #keep(): Promise<void> {
    const work = this.#telling.then(async () => {
      if (this.#isOver) return;
      try {
        const { dir: packageDir } = await this.#spec.package.local();
        const { deployment, config, environmentInfo, secrets } = this.#spec;
        const spec = { deployment, config, environmentInfo, secrets, packageDir };
        await tell(this.#url, "PUT", { spec, wanted: this.#wanted, hasServed: this.#isProven });
        if (this.#following === null) void this.#follow();
        this.#hooks.onTrouble(null);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!this.#isProven) return this.#rejectFirst(error);
        this.#hooks.onTrouble(why);
        setTimeout(() => void this.#keep(), RETRY_MS);
      }
    });
    this.#telling = work;
    return work;
  }

  async #follow(): Promise<void> {
    this.#following = new AbortController();
    try {
      const answer = await fetch(this.#url, { signal: this.#following.signal });
      let held = "";
      const decoder = new TextDecoder();
      for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
        const piece = decoder.decode(bytes, { stream: true });
        const lines = (held + piece).split("\n");
        held = lines.pop() as string;
        for (const line of lines) this.#hear(JSON.parse(line) as Notice);
      }
    } catch {
      // Ended by `stop` and `leave`, or the agent has gone.
    }
  }

  #hear(notice: Notice): void {
    if (notice.type === "line") this.#hooks.onLine(notice.replica, notice.line);
    else if (notice.type === "event")
      this.#hooks.onEvent(notice.event, notice.message, { replica: notice.replica });
    else if (notice.type === "failed") this.#fail(notice.code as ErrorCode, notice.message);
    else this.#see(notice.replicas);
  }

  #fail(code: ErrorCode, message: string): void {
    this.#lastError = { stage: "loading", code, message };
    this.#rejectFirst(new AppError(code, message));
  }

  #see(replicas: AgentReplica[]): void {
    const { backends, onEvent } = this.#hooks;
    const before = new Set(this.#replicas.filter(({ state }) => state === "ready").map(({ id }) => id));
    this.#replicas = replicas;
    for (const { id, state, url } of replicas) {
      if (state !== "ready" || before.delete(id)) continue;
      backends.add({ id, address: parseAddress(url) });
      onEvent("replica-ready", `Replica ${id} is ready`, { replica: id });
      this.#isProven = true;
      this.#resolveFirst();
    }
    for (const id of before) void backends.remove(id);
  }
}

async function tell(url: string, method: string, body: unknown): Promise<void> {
  const answer = await fetch(url, { method, body: body === null ? null : JSON.stringify(body) });
  await answer.text();
  if (!answer.ok) throw new Error(`the agent answered ${answer.status}`);
}
