import type { Config } from "../../../protocol/config.ts";
import type { DeploymentError } from "../../../protocol/host-api.ts";
import { GrowingPause } from "../../../util/growing-pause.ts";
import type {
  DeploymentSpec,
  GroupHooks,
  LocalPackage,
  PackageReference,
  ReplicaGroup,
  SeenReplica,
} from "../../replicas/engine.ts";
import { ReplicaSet, type ReplicaTiming } from "./replica-set.ts";
import type { ReplicaSpec, StartReplica } from "./replica.ts";

export interface LocalGroupOptions {
  start: StartReplica;
  timing?: ReplicaTiming | undefined;
}

/** A deployment on this machine: its package is put in place first, then a set of replicas runs from there. */
export class LocalGroup implements ReplicaGroup {
  readonly firstReady: Promise<void>;
  readonly #set: ReplicaSet;
  readonly #hooks: GroupHooks;
  #spec: DeploymentSpec;
  #placed: LocalPackage | null = null;
  /** Rejects when the package cannot be put in place before anything has run. */
  #giveUp!: (error: unknown) => void;
  #isProven = false;
  #wanted = 0;
  #stopped = false;
  /** Why the package cannot be put in place, for as long as it cannot. */
  #trouble: string | null = null;
  readonly #pause = new GrowingPause();

  constructor(spec: DeploymentSpec, hooks: GroupHooks, { start, timing }: LocalGroupOptions) {
    this.#spec = spec;
    this.#hooks = hooks;
    this.#set = new ReplicaSet({ ...hooks, start, spec: () => this.#replicaSpec(), timing });
    const gaveUp = new Promise<never>((_resolve, reject) => (this.#giveUp = reject));
    this.firstReady = Promise.race([this.#set.firstReady, gaveUp]);
    this.firstReady.then(
      () => (this.#isProven = true),
      () => undefined,
    );
  }

  get ready(): number {
    return this.#set.ready;
  }

  get lastError(): DeploymentError | null {
    return this.#set.lastError;
  }

  assumeProven(): void {
    this.#isProven = true;
    this.#set.assumeProven();
  }

  scale(replicas: number): void {
    this.#wanted = replicas;
    if (replicas === 0 || this.#placed !== null) {
      this.#endTrouble();
      this.#set.scale(replicas);
    } else void this.#place();
  }

  list(): SeenReplica[] {
    return this.#set.list();
  }

  setSecrets(secrets: Record<string, string>): void {
    this.#spec = { ...this.#spec, secrets };
    this.#set.setSecrets(secrets);
  }

  setConfig(config: Config): void {
    this.#spec = { ...this.#spec, config };
  }

  async swapMethods(to: PackageReference): Promise<number> {
    const [next, now] = await Promise.all([to.local(), this.#spec.package.local()]);
    const replicas = await this.#set.swapMethods(
      { dir: next.dir, digest: to.digest },
      { dir: now.dir, digest: this.#spec.package.digest },
    );
    this.#spec = { ...this.#spec, package: to };
    this.#placed = next;
    return replicas;
  }

  reportOutcome(replica: string, ok: boolean): void {
    this.#set.reportOutcome(replica, ok);
  }

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped = true;
    this.#endTrouble();
    await this.#set.stop(options);
  }

  leave(options: { graceMs?: number } = {}): Promise<void> {
    return this.stop(options);
  }

  async #place(): Promise<void> {
    const reference = this.#spec.package;
    try {
      const placed = await reference.local();
      if (this.#stopped) return;
      if (this.#spec.package === reference) this.#placed ??= placed;
      this.#endTrouble();
      this.#set.scale(this.#wanted);
    } catch (error) {
      if (this.#stopped) return;
      if (this.#isProven) this.#cannotPlace(error);
      else this.#giveUp(error);
    }
  }

  /** A full disk has room again some day: it is told, and tried again. */
  #cannotPlace(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#trouble !== why) this.#hooks.onEvent("unhealthy", `Its package cannot be put in place: ${why}`);
    this.#trouble = why;
    this.#hooks.onTrouble(why);
    this.#pause.again(() => this.scale(this.#wanted));
  }

  #endTrouble(): void {
    this.#pause.end();
    if (this.#trouble !== null && !this.#stopped) this.#hooks.onTrouble(null);
    this.#trouble = null;
  }

  #replicaSpec(): Omit<ReplicaSpec, "id"> {
    const { package: _reference, ...spec } = this.#spec;
    const { dir, variantDirs } = this.#placed as LocalPackage;
    return { ...spec, packageDir: dir, variantDirs };
  }
}
