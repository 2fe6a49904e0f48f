import type { DeploymentInfo } from "../protocol/host-api.ts";
import type { Style } from "./report/style.ts";

/** One line: what is live where. */
export function describeDeployment(info: DeploymentInfo, style: Style): string {
  const state = info.state === "ACTIVE" ? style.good("live") : info.state;
  const why = info.message === null ? "" : style.dim(`; ${info.message}`);
  return `${state} ${style.strong(info.model)} in ${info.environment} ${style.dim(`(${info.id}`)}${why}${style.dim(")")}`;
}
