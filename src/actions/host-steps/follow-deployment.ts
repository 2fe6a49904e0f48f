import { setTimeout as delay } from "node:timers/promises";
import type { HostClient } from "../../client/host-client.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Reporter } from "../../events.ts";
import type { DeploymentInfo } from "../../protocol/host-api.ts";

const FIRST_LOOK_MS = 25;
const LONGEST_LOOK_MS = 500;
const OVER = new Set(["ACTIVE", "FAILED", "SUPERSEDED", "STOPPED"]);

export interface FollowOptions {
  client: HostClient;
  deployment: string;
  /** Milliseconds. */
  timeoutMs: number;
  report: Reporter;
  signal?: AbortSignal | undefined;
}

/**
 * Waits until a deployment is active, also over a restart of the host. Throws AppError DEPLOY_FAILED with the model's
 * own error, or where it takes too long; the deployment goes on then.
 */
export async function followDeployment(options: FollowOptions): Promise<DeploymentInfo> {
  const { client, deployment, timeoutMs, report, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let pause = FIRST_LOOK_MS;
  let told = "";
  for (;;) {
    const info = await look(client, deployment, performance.now() < deadline);
    if (info !== null && OVER.has(info.state)) return outcome(info);
    if (info !== null && info.state !== told) {
      told = info.state;
      report.emit({ type: "step", message: STEPS[told] ?? told });
    }
    if (performance.now() > deadline) {
      throw new AppError(
        "DEPLOY_FAILED",
        `${deployment} is still ${told || "on its way"} after ${timeoutMs / 1000} s.`,
        {
          hint: "It goes on by itself: purlin status tells when it is live. --timeout waits longer.",
          data: { deployment_id: deployment, state: told },
        },
      );
    }
    await delay(pause, undefined, signal === undefined ? {} : { signal }).catch(() =>
      signal?.throwIfAborted(),
    );
    pause = Math.min(LONGEST_LOOK_MS, pause * 1.3);
  }
}

const STEPS: Record<string, string> = {
  CREATED: "waiting for the server",
  STARTING: "putting the package in place",
  LOADING: "loading the model",
};

/** A host that is being restarted is waited for. */
async function look(client: HostClient, id: string, patient: boolean): Promise<DeploymentInfo | null> {
  try {
    return await client.deployment(id);
  } catch (error) {
    if (patient && isAppError(error) && error.code === "HOST_UNREACHABLE") return null;
    throw error;
  }
}

function outcome(info: DeploymentInfo): DeploymentInfo {
  if (info.state === "ACTIVE") return info;
  const data = { deployment_id: info.id, state: info.state };
  if (info.state !== "FAILED") {
    throw new AppError("DEPLOY_FAILED", `${info.id} gave way to a newer deployment of ${info.environment}.`, {
      hint: `purlin status ${info.model} tells what serves now.`,
      data,
    });
  }
  const { message = "no reason was told", stack, code } = info.error ?? {};
  throw new AppError("DEPLOY_FAILED", `${info.model} is not live: ${message}`, {
    hint: `What served ${info.environment} before goes on. purlin logs ${info.model} --deployment ${info.id} tells more.`,
    data: { ...data, model_error: code ?? null },
    problems: stack === undefined ? [] : [{ message: stack }],
  });
}
