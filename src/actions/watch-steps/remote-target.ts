import { once } from "node:events";
import { DevelopmentClient } from "../../client/development-client.ts";
import { HostAnswerError } from "../../client/host-answer-error.ts";
import type { HostConnection } from "../../client/host-connection.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { ReloadKind, Reporter } from "../../events.ts";
import type { DevelopmentState, SyncAnswer } from "../../protocol/development.ts";
import type { Digest, PackageManifest } from "../../protocol/manifest.ts";
import type { TransferLimits } from "../../protocol/transfer.ts";
import type { NextBuild } from "../build-steps/live-builder.ts";
import type { Applied, ReloadTarget } from "../watch-project.ts";
import { modelError } from "./model-error.ts";
import { sendMissing } from "./send-missing.ts";
import { syncBody } from "./sync-body.ts";
import { WatchSession } from "./watch-session.ts";

/** Times that a change is sent anew where the server and we did not agree on what it has. */
const ROUNDS = 6;
const WAIT_SECONDS = 20;

export interface RemoteTargetOptions {
  connection: HostConnection;
  limits: TransferLimits;
  model: string;
  takeover: boolean;
  strictExamples: boolean;
  report: Reporter;
  onState(state: DevelopmentState): void;
  /** The project has another model now, whose deployment is another one. */
  onRenamed(model: string): void;
}

/** A development deployment on a server that may be elsewhere, go away and come back. */
export class RemoteTarget implements ReloadTarget {
  readonly session: WatchSession;
  readonly #options: RemoteTargetOptions;
  readonly #client: DevelopmentClient;
  /** What the server has taken from us last: changes are told as differences from it. */
  #head: PackageManifest | null = null;
  /** What has gone live. */
  #live: PackageManifest | null = null;

  private constructor(options: RemoteTargetOptions, client: DevelopmentClient, session: WatchSession) {
    this.#options = options;
    this.#client = client;
    this.session = session;
  }

  /** Throws what the server says where the lease cannot be had. */
  static async open(options: RemoteTargetOptions, signal: AbortSignal): Promise<RemoteTarget> {
    const { connection, model, takeover, report, onState } = options;
    const client = new DevelopmentClient(connection, model);
    const session = await WatchSession.open({ client, takeover, report, onState }, signal);
    return new RemoteTarget(options, client, session);
  }

  /** Is what the server has the same as what it was brought to? */
  agrees({ head, active, loading }: DevelopmentState): boolean {
    if (this.#live === null || loading) return true;
    return active === this.#live.package && head === (this.#head ?? this.#live).package;
  }

  async state(signal: AbortSignal): Promise<DevelopmentState> {
    return this.#client.state(0, signal);
  }

  obstacle(): string | null {
    const active = this.session.state?.active;
    if (this.#live === null) return "nothing of it is live yet";
    return active === undefined || active === this.#live.package
      ? null
      : "the server has something else live";
  }

  writes(): boolean {
    return false;
  }

  async keep(): Promise<void> {
    const live = this.#live;
    const { state } = this.session;
    if (live === null || state === null) return;
    if (state.head === live.package && state.active === live.package && !state.loading) return;
    // Wanted from now on: where it does not get there, the difference is seen when the server is back.
    this.#head = live;
    await this.#tell(live).catch((error: unknown) => {
      if (!this.#isAway(error)) throw error;
      this.session.doubt();
    });
  }

  async #tell(live: PackageManifest): Promise<void> {
    await this.#client.sync(
      {
        session: this.session.id,
        base: null,
        manifest: live,
        target: live.package,
        inline: [],
        kind: "methods",
        live: live.package,
        anew: false,
        reason: "back to what is live",
      },
      [],
      new AbortController().signal,
    );
  }

  async apply(change: NextBuild, signal: AbortSignal): Promise<Applied> {
    const { manifest } = change.built;
    const target = manifest.package;
    if (manifest.model_name !== this.#options.model) {
      this.#options.onRenamed(manifest.model_name);
      await once(signal, "abort");
      throw signal.reason;
    }
    const began = performance.now();
    let answer = await this.#send(change, signal);
    const upload = performance.now() - began - answer.phases_ms.stage - answer.phases_ms.swap;
    this.#head = manifest;
    while (answer.state.loading && answer.state.head === target) {
      answer = { ...answer, state: await this.#wait(signal) };
    }
    const { active, head, last_error, replicas } = answer.state;
    if (active !== target) {
      if (head === target && last_error !== null) throw modelError(last_error);
      throw new AppError(
        "PUSH_CONFLICT",
        "Something else was sent to the development deployment meanwhile.",
        {
          hint: "Save again, or press r, to bring this folder there.",
        },
      );
    }
    this.#live = manifest;
    return {
      kind: kindOf(change.kind, answer.kind),
      replicas,
      phases_ms: { upload: Math.max(0, upload), stage: answer.phases_ms.stage },
      differences: answer.state.differences ?? [],
    };
  }

  async close(): Promise<void> {
    await this.session.close();
  }

  async #wait(signal: AbortSignal): Promise<DevelopmentState> {
    try {
      return await this.#client.state(WAIT_SECONDS, signal);
    } catch (error) {
      if (!this.#isAway(error)) throw error;
      this.session.doubt();
      return this.session.connected(signal);
    }
  }

  /** Until the server has it, however often it goes away meanwhile. */
  async #send(change: NextBuild, signal: AbortSignal): Promise<SyncAnswer> {
    for (let round = 1; ; round++) {
      const state = await this.session.connected(signal);
      const { request, bytes } = syncBody(change, {
        session: this.session.id,
        strictExamples: this.#options.strictExamples,
        head: this.#head !== null && state.head === this.#head.package ? this.#head : null,
        live: this.#live?.package ?? null,
      });
      try {
        return await this.#client.sync(request, bytes, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (this.#isAway(error)) {
          this.session.doubt();
          const now = await this.session.connected(signal);
          // It came through, and only its answer was lost.
          if (now.head === request.target)
            return { state: now, kind: null, phases_ms: { stage: 0, swap: 0 } };
          round -= 1;
        } else if (!(error instanceof HostAnswerError) || round >= ROUNDS) throw error;
        else if (error.hostCode === "STALE_BASE") this.#head = null;
        else if (error.hostCode === "WATCH_LOST") this.session.doubt();
        else if (error.hostCode === "MISSING_FILES") {
          const { missing } = error.details as { missing: Digest[] };
          await sendMissing(change.built, missing, { ...this.#options, signal });
        } else throw error;
      }
    }
  }

  #isAway(error: unknown): boolean {
    if (error instanceof HostAnswerError) return [502, 503, 504].includes(error.status);
    return isAppError(error) && error.code === "HOST_UNREACHABLE";
  }
}

/** What was done, in the words of what was asked for. */
function kindOf(asked: ReloadKind, done: SyncAnswer["kind"]): ReloadKind {
  if (done === "none") return "none";
  const inPlace = asked === "methods" || asked === "settings";
  if (done === "methods") return inPlace ? asked : "methods";
  return inPlace && done === "process" ? "process" : asked;
}
