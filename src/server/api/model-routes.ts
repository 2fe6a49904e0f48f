import type { Deployments } from "../deployments/deployments.ts";
import { deploymentInfo } from "../deployments/deployment-row.ts";
import { HostError } from "../host-error.ts";
import type { LogQuery, Store } from "../store/store.ts";
import { countParam, environmentField, percentField, readFields, textField } from "./read-fields.ts";
import type { ApiCall, Route } from "./route.ts";
import { followEvents, followLogs } from "./streams.ts";

const MODEL = "/v1/models/:model";

export function modelRoutes(deployments: Deployments, store: Store): Route[] {
  const modelOf = (call: ApiCall): string => call.params["model"] as string;
  return [
    {
      method: "GET",
      path: "/v1/models",
      scope: "invoke",
      handle(call) {
        const { models: allowed } = call.key;
        call.json(
          200,
          deployments.list((model) => allowed === null || allowed.includes(model)),
        );
      },
    },
    {
      method: "GET",
      path: MODEL,
      scope: "invoke",
      handle: (call) => call.json(200, deployments.status(modelOf(call))),
    },
    {
      method: "DELETE",
      path: MODEL,
      scope: "deploy",
      audit: "model.delete",
      async handle(call) {
        const environment = call.url.searchParams.get("environment");
        const deployment = call.url.searchParams.get("deployment");
        call.audit({ environment, deployment });
        if (deployment !== null) await deployments.removeDeployment(modelOf(call), deployment);
        else if (environment !== null) await deployments.removeEnvironment(modelOf(call), environment);
        else await deployments.removeModel(modelOf(call));
        call.json(200, { model: modelOf(call), environment, deployment, deleted: true });
      },
    },
    {
      method: "GET",
      path: `${MODEL}/deployments`,
      scope: "invoke",
      handle: (call) => call.json(200, { deployments: deployments.deploymentsOf(modelOf(call)) }),
    },
    {
      method: "POST",
      path: `${MODEL}/promote`,
      scope: "deploy",
      audit: "model.promote",
      async handle(call) {
        const fields = await readFields(call);
        const deployment = textField(fields, "deployment");
        const to = environmentField(fields, "to");
        const rollout = percentField(fields, "rollout");
        const source = deployment === undefined ? { from: environmentField(fields, "from") } : { deployment };
        const row = deployments.promote({ model: modelOf(call), to, rollout, by: call.key.name, ...source });
        call.audit({ deployment: row.id, to, ...source });
        call.json(201, deploymentInfo(row));
      },
    },
    {
      method: "POST",
      path: `${MODEL}/rollback`,
      scope: "deploy",
      audit: "model.rollback",
      async handle(call) {
        const environment = environmentField(await readFields(call), "environment", "production");
        const row = deployments.rollback({ model: modelOf(call), environment, by: call.key.name });
        call.audit({ deployment: row.id, environment });
        call.json(201, deploymentInfo(row));
      },
    },
    {
      method: "GET",
      path: `${MODEL}/rollout`,
      scope: "invoke",
      handle(call) {
        const name = call.url.searchParams.get("environment") ?? "production";
        const environment = deployments.status(modelOf(call)).environments.find((each) => each.name === name);
        if (environment === undefined)
          throw new HostError("NOT_FOUND", `${modelOf(call)} has no environment ${name}.`);
        const last = deployments
          .deploymentsOf(modelOf(call))
          .filter((each) => each.environment === name)
          .find(({ id }) => deployments.rows.events(id).some(({ type }) => type === "rollout-started"));
        const events = last === undefined ? [] : deployments.rows.events(last.id);
        call.json(200, {
          model: modelOf(call),
          environment: name,
          rollout: environment.rollout,
          last: last === undefined ? null : { deployment: last.id, state: last.state, error: last.error },
          events: events.filter(({ type }) => type.startsWith("rollout-")),
        });
      },
    },
    {
      method: "POST",
      path: `${MODEL}/rollout`,
      scope: "deploy",
      audit: "model.rollout",
      async handle(call) {
        const fields = await readFields(call);
        const environment = environmentField(fields, "environment", "production");
        const action = textField(fields, "action");
        call.audit({ environment, action });
        if (action === "finish") {
          call.json(200, deploymentInfo(deployments.finishRollout(modelOf(call), environment)));
        } else if (action === "abort") {
          call.json(200, deploymentInfo(deployments.abortRollout(modelOf(call), environment)));
        } else throw new HostError("BAD_REQUEST", "action must be finish or abort.");
      },
    },
    {
      method: "GET",
      path: "/v1/deployments/:deployment",
      scope: "invoke",
      handle(call) {
        const info = deployments.deployment(call.params["deployment"] as string);
        call.requireModel(info.model);
        call.json(200, info);
      },
    },
    {
      method: "GET",
      path: "/v1/deployments/:deployment/events",
      scope: "invoke",
      async handle(call) {
        const info = deployments.deployment(call.params["deployment"] as string);
        call.requireModel(info.model);
        await followEvents(call, deployments, info.id);
      },
    },
    {
      method: "GET",
      path: `${MODEL}/logs`,
      scope: "deploy",
      async handle(call) {
        const { searchParams } = call.url;
        const environment = searchParams.get("environment");
        const deployment = searchParams.get("deployment");
        const own = deployments.deploymentsOf(modelOf(call));
        const chosen = own
          .filter(
            (each) =>
              (environment === null || each.environment === environment) &&
              (deployment === null || each.id === deployment),
          )
          .map(({ id }) => id);
        const query: LogQuery = {
          model: modelOf(call),
          ...given(searchParams, "cursor", "cursor"),
          ...given(searchParams, "since", "since"),
          ...given(searchParams, "level", "level"),
          ...given(searchParams, "request_id", "requestId"),
          ...given(searchParams, "contains", "contains"),
          limit: countParam(call.url, "limit", { otherwise: 1000, most: 100_000 }),
        };
        if (deployment !== null && chosen.length === 0)
          throw new HostError("NOT_FOUND", `There is no deployment ${deployment} of ${query.model}.`);
        await followLogs(call, store.logs, {
          read: environment === null && deployment === null ? query : { ...query, deployments: chosen },
          // Those that are pushed meanwhile are wanted, too.
          follow: deployment === null ? query : { ...query, deployments: chosen },
          accepts: (line) => environment === null || line["environment"] === environment,
        });
      },
    },
  ];
}

function given<Name extends string>(
  params: URLSearchParams,
  name: string,
  as: Name,
): { [Key in Name]?: string } {
  const value = params.get(name);
  return value === null ? {} : ({ [as]: value } as { [Key in Name]?: string });
}
