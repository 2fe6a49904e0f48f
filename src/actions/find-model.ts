import { findRemote } from "../remotes/find-remote.ts";

export interface ModelPlace {
  model: string;
  environment: string;
  /** That deployment, whatever its environment. */
  deployment?: string | undefined;
  remote?: string | undefined;
  env: NodeJS.ProcessEnv;
}

/** Where a deployed model answers, for `predict`. Throws AppError NO_REMOTE. */
export function findModel(place: ModelPlace): { address: string; base: string; key: string | null } {
  const { url, key } = findRemote(place.remote, place.env);
  const target =
    place.deployment === undefined
      ? `environments/${encodeURIComponent(place.environment)}`
      : `deployments/${encodeURIComponent(place.deployment)}`;
  const { origin, pathname } = new URL(url);
  const base = `${pathname.replace(/\/+$/, "")}/models/${encodeURIComponent(place.model)}/${target}/sync`;
  return { address: origin, base, key };
}
