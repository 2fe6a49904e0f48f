import { setTimeout as delay } from "node:timers/promises";
import {
  DEVELOPMENT,
  type DevelopmentState,
  SYNC_WAIT_MS,
  type SyncAnswer,
  type SyncRequest,
} from "../../protocol/development.ts";
import type { Config } from "../../protocol/config.ts";
import type { ExampleMode } from "../../protocol/control.ts";
import type { LayerName, PackageManifest } from "../../protocol/manifest.ts";
import { withoutSettings } from "../../protocol/settings.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import type { Deployments } from "../deployments/deployments.ts";
import { configFor, keepConfig } from "../deployments/effective-config.ts";
import type { LiveDeployment } from "../deployments/live-deployment.ts";
import { HostError } from "../host-error.ts";
import type { Store } from "../store/store.ts";
import { checkPush } from "../transfer/check-push.ts";
import { checkStoredSizes } from "../transfer/check-stored-sizes.ts";
import { Heads } from "./heads.ts";
import { nextManifest } from "./next-manifest.ts";
import type { ReadSync } from "./read-sync.ts";
import { WatchLeases } from "./watch-leases.ts";

/** Layers that replicas share and that a running one cannot be given anew. */
const FIXED: readonly LayerName[] = ["deps", "data", "runtime"];
/** Ended deployments of a watch that are kept: one for each save would fill the list. */
const KEPT = 3;
const LOOK_MS = 25;

export interface DevelopmentOptions {
  store: Store;
  deployments: Deployments;
  /** What runs on this host. */
  target: string;
  limits: TransferLimits;
}

/**
 * Development deployments in step with folders elsewhere. A change is on disk before anything of it runs; methods go
 * onto the replicas that run, anything else is a deployment that loads beside what serves and then takes over.
 */
export class Development {
  readonly leases = new WatchLeases();
  readonly #options: DevelopmentOptions;
  readonly #heads: Heads;
  /** Swaps of methods under way, by model. */
  readonly #swaps = new Map<string, Promise<unknown>>();

  constructor(options: DevelopmentOptions) {
    this.#options = options;
    this.#heads = new Heads(options.store.db, options.deployments.rows);
  }

  state(model: string): DevelopmentState {
    const { deployments } = this.#options;
    const { rows } = deployments;
    const environment = rows.environment(model, DEVELOPMENT);
    const live = deployments.inMemory(model, DEVELOPMENT);
    const serving = environment?.serving == null ? undefined : rows.get(environment.serving);
    const head = this.#heads.get(model);
    const active = serving?.package ?? null;
    return {
      head: head?.package ?? null,
      active,
      deployment: serving?.id ?? null,
      loading: live.isBusy || this.#swaps.has(model),
      replicas: live.serving?.replicas.ready ?? 0,
      last_error: head === null || head.package === active ? null : head.error,
      watcher: this.leases.watcher(model),
      differences: live.serving?.differences ?? [],
    };
  }

  /** The state once nothing is on its way any more, or after `ms`. */
  async settled(model: string, ms: number, signal: AbortSignal): Promise<DevelopmentState> {
    const limit = performance.now() + ms;
    while (this.state(model).loading && performance.now() < limit && !signal.aborted) await delay(LOOK_MS);
    return this.state(model);
  }

  /** Replicas stay awake while somebody works with them. */
  keepAwake(model: string, awake: boolean): void {
    this.#options.deployments.inMemory(model, DEVELOPMENT).serving?.keepAwake(awake);
  }

  /** Throws HostError STALE_BASE, MISSING_FILES, DIGEST_MISMATCH, WATCH_LOST, and what a push is refused with. */
  async sync(model: string, { request, files }: ReadSync, by: string): Promise<SyncAnswer> {
    const { store, target, limits } = this.#options;
    this.leases.renew(model, request.session);
    const began = performance.now();
    const head = this.#heads.get(model)?.package ?? null;
    const { next, base } = nextManifest(request, head, (digest) => store.packages.manifest(digest));
    const manifest = checkPush(next, { model, target, limits });
    const { failed } = await store.blobs.writeMany(model, files);
    if (failed.length > 0)
      throw new HostError("DIGEST_MISMATCH", `What came is not ${failed[0]}.`, { details: { failed } });
    await this.#swaps.get(model);
    // Written while another watcher took over: it must not undo what that one does.
    this.leases.renew(model, request.session);
    const staged = performance.now();
    const work = this.#apply({ model, manifest, base, request, by });
    const kind = await Promise.race([work, delay(SYNC_WAIT_MS, null, { ref: false })]);
    if (kind === null) work.catch(() => undefined);
    const phases_ms = { stage: staged - began, swap: performance.now() - staged };
    return { state: this.state(model), kind, phases_ms };
  }

  /** Resolves once the change is live or has failed; which of both, the state tells. */
  async #apply(change: Change): Promise<"methods" | "process" | "none"> {
    const { model, manifest, request } = change;
    const { deployments } = this.#options;
    const serving = deployments.inMemory(model, DEVELOPMENT).serving;
    if (serving?.row.package === manifest.package && !request.anew) {
      await this.#keep(change, serving);
      return "none";
    }
    if (request.kind === "methods" && serving !== null) {
      const config = this.#configIfSwappable(change, serving);
      if (config !== null && (await this.#swap(change, serving, config))) return "methods";
    }
    await this.#deploy(change);
    return "process";
  }

  /** Back to what is live: whatever is on its way is no longer wanted. */
  async #keep(change: Change, serving: LiveDeployment): Promise<void> {
    await this.#cancelOthers(change.model, serving);
    this.#add(change, () => this.#want(change, serving));
  }

  /** The config that holds afterwards, where replicas can be given the change while they run; null where not. */
  #configIfSwappable({ manifest, request }: Change, serving: LiveDeployment): Config | null {
    const { store } = this.#options;
    if (serving.row.package !== request.live || serving.replicas.ready === 0) return null;
    const now = store.packages.manifest(serving.row.package);
    if (FIXED.some((layer) => now.layers[layer].tree !== manifest.layers[layer].tree)) return null;
    const config = configFor(store, manifest, DEVELOPMENT);
    const same = JSON.stringify(withoutSettings(config)) === JSON.stringify(withoutSettings(serving.config));
    return same ? config : null;
  }

  /** False where a replica could not take it, or went meanwhile: then a deployment does it. */
  async #swap(change: Change, serving: LiveDeployment, config: Config): Promise<boolean> {
    const { model, manifest, request } = change;
    const { store, deployments } = this.#options;
    const { rows } = deployments;
    await this.#cancelOthers(model, serving);
    this.#add(change, () => this.#want(change, serving));
    const row = { ...serving.row, package: manifest.package };
    const work = serving.swapMethods(manifest, { row, config, examples: modeOf(request) });
    this.#swaps.set(
      model,
      work.catch(() => undefined),
    );
    try {
      const replicas = await work;
      rows.transaction(() => {
        rows.setPackage(serving.row.id, manifest.package);
        const { package: digest } = manifest;
        rows.event(serving.row.id, "reloaded", request.reason, {
          package: digest,
          kind: "methods",
          replicas,
        });
      });
      keepConfig(store, serving.row, config);
      return true;
    } catch {
      // Loading it tells whether it is at fault, in the model's own words.
      return false;
    } finally {
      this.#swaps.delete(model);
    }
  }

  async #deploy(change: Change): Promise<void> {
    const { model, manifest, request, by } = change;
    const { deployments } = this.#options;
    const id = this.#add(change, () => {
      const { id } = deployments.create({
        model,
        environment: DEVELOPMENT,
        package: manifest.package,
        message: request.reason.slice(0, 1000),
        by,
        examples: modeOf(request),
      });
      this.#heads.set(model, { package: manifest.package, deployment: id });
      return id;
    });
    await deployments.kick(id);
    this.keepAwake(model, this.leases.watcher(model) !== null);
    this.#prune(model);
  }

  /** On disk for good, together with `work`. */
  #add<T>({ model, manifest, base }: Change, work: () => T): T {
    const { store } = this.#options;
    const known = new Map(base?.files.map(([, , digest, size]) => [digest, size]));
    const fresh = manifest.files.filter(([, , digest, size]) => known.get(digest) !== size);
    return store.packages.add(model, manifest, {
      base,
      work: () => {
        checkStoredSizes(store, fresh);
        return work();
      },
    });
  }

  #want({ model, manifest }: Change, serving: LiveDeployment): void {
    this.#options.deployments.rows.desire(serving.row);
    this.#heads.set(model, { package: manifest.package, deployment: serving.row.id });
  }

  async #cancelOthers(model: string, serving: LiveDeployment): Promise<void> {
    const { deployments } = this.#options;
    const desired = deployments.rows.environment(model, DEVELOPMENT)?.desired ?? null;
    if (desired === null || desired === serving.row.id) return;
    await deployments.inMemory(model, DEVELOPMENT).cancel(desired);
  }

  #prune(model: string): void {
    const { rows } = this.#options.deployments;
    const ended = rows
      .ofModel(model, DEVELOPMENT)
      .filter(({ state }) => ["SUPERSEDED", "FAILED", "STOPPED"].includes(state));
    const desired = rows.environment(model, DEVELOPMENT)?.desired;
    for (const { id } of ended.slice(KEPT)) if (id !== desired) rows.removeDeployment(id);
  }
}

interface Change {
  model: string;
  manifest: PackageManifest;
  base: PackageManifest | null;
  request: SyncRequest;
  /** Name of the key. */
  by: string;
}

const modeOf = ({ strict_examples }: SyncRequest): ExampleMode =>
  strict_examples === true ? "check" : "tell";
