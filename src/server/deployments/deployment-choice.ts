import type { ExampleMode } from "../../protocol/control.ts";
import type { Digest } from "../../protocol/manifest.ts";
import { HostError } from "../host-error.ts";
import type { DeploymentRow } from "./deployment-row.ts";
import type { DeploymentRows } from "./deployment-rows.ts";

/** What a new deployment is made of; the rules of what may be asked for, and which earlier one is meant. */
export interface CreateRequest {
  model: string;
  environment: string;
  package: Digest;
  message?: string | undefined;
  /** 1 to 99: that share of the requests at first. */
  rollout?: number | undefined;
  /** What the caller takes to be there, null for nothing; without it, whatever. */
  expectPrevious?: Digest | null | undefined;
  by: string;
  /** `tell`, for development: answers that are not those of the examples are told, not refused. */
  examples?: ExampleMode | undefined;
}

/** Throws HostError REF_CONFLICT, BAD_REQUEST. */
export function checkRequest(rows: DeploymentRows, request: CreateRequest): void {
  const { model, environment, expectPrevious, rollout } = request;
  const current = rows.environment(model, environment);
  const serving = current?.serving == null ? undefined : rows.get(current.serving);
  if (expectPrevious !== undefined) {
    const desired = current?.desired == null ? undefined : rows.get(current.desired);
    const found = desired?.package ?? null;
    // What failed has changed nothing: who expects what serves is right, too.
    const isFailed = desired?.state === "FAILED" && (serving?.package ?? null) === expectPrevious;
    if (found !== expectPrevious && !isFailed) {
      throw new HostError(
        "REF_CONFLICT",
        `Somebody else has pushed to ${environment} of ${model} meanwhile.`,
        {
          hint: "Look at it with purlin status, then push again; --force pushes over it.",
          details: { current: found },
        },
      );
    }
  }
  if (rollout !== undefined && serving === undefined) {
    throw new HostError(
      "BAD_REQUEST",
      `Nothing serves ${environment} of ${model} yet: there is nothing to share with.`,
      {
        hint: "Push without --rollout first.",
      },
    );
  }
}

/** What is promoted: a deployment that is named, or what an environment serves. Throws HostError NOT_FOUND. */
export function promoted(
  rows: DeploymentRows,
  given: { model: string; from?: string; deployment?: string },
): DeploymentRow {
  const { model, from, deployment } = given;
  requireModel(rows, model);
  const id = deployment ?? rows.environment(model, from as string)?.serving ?? null;
  const source = id === null ? undefined : rows.get(id);
  if (source?.model === model) {
    if (rows.hasPackage(source.package)) return source;
    throw new HostError("GONE", `The package of ${source.id} is no longer kept.`, {
      hint: "Push it again; purlin host --keep-deployments keeps more of them.",
    });
  }
  const message =
    deployment === undefined
      ? `Nothing serves ${from} of ${model}.`
      : `There is no deployment ${deployment} of ${model}.`;
  throw new HostError("NOT_FOUND", message, { hint: `purlin status ${model} tells what is there.` });
}

/**
 * The newest deployment that was live here and has another package than what serves. Throws HostError
 * NOTHING_TO_ROLL_BACK, or CONFLICT while a rollout is under way.
 */
export function earlierOf(rows: DeploymentRows, model: string, environment: string): DeploymentRow {
  requireModel(rows, model);
  const current = rows.environment(model, environment);
  if (current?.rollout_deployment != null) {
    throw new HostError("CONFLICT", `A rollout is under way in ${environment} of ${model}.`, {
      hint: `Take it back instead: purlin rollout abort ${model}`,
    });
  }
  const serving = current?.serving == null ? undefined : rows.get(current.serving);
  const earlier = rows
    .ofModel(model, environment)
    .find(
      (row) =>
        row.activated_at !== null &&
        row.package !== serving?.package &&
        row.state !== "FAILED" &&
        rows.hasPackage(row.package),
    );
  if (serving !== undefined && earlier !== undefined) return earlier;
  throw new HostError("NOTHING_TO_ROLL_BACK", `${environment} of ${model} has served nothing else before.`);
}

/** Throws HostError NOT_FOUND. */
export function requireModel(rows: DeploymentRows, model: string): void {
  if (rows.hasModel(model)) return;
  throw new HostError("NOT_FOUND", `There is no model ${model} on this host.`, {
    hint: "purlin list names those that are there; purlin push brings one.",
  });
}
