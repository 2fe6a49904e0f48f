import type { EnvironmentInfo, ModelList, ModelStatus } from "../../protocol/host-api.ts";
import { listedModel, modelPage } from "../../protocol/model-list.ts";

interface ModelRow {
  name: string;
  created_at: string;
}

/** A request is answered, at once or after a wait. */
const SERVING = new Set<EnvironmentInfo["state"]>(["ACTIVE", "SCALED_TO_ZERO", "WAKING_UP"]);

export function modelList(
  rows: readonly ModelRow[],
  environmentsOf: (model: string) => EnvironmentInfo[],
): ModelList {
  return {
    ...modelPage(rows.map(listedRow)),
    models: rows.map(({ name, created_at }) => ({
      model: name,
      created_at,
      environments: environmentsOf(name).map((each) => ({
        name: each.name,
        state: each.state,
        deployment: each.serving?.deployment ?? null,
      })),
    })),
  };
}

export function modelStatus(row: ModelRow, environments: EnvironmentInfo[]): ModelStatus {
  const production = environments.find(({ name }) => name === "production");
  const ready = production !== undefined && SERVING.has(production.state);
  return { ...listedRow(row), model: row.name, name: row.name, ready, environments };
}

function listedRow({ name, created_at }: ModelRow) {
  const created = new Date(created_at);
  return listedModel(name, Number.isNaN(created.getTime()) ? new Date(0) : created);
}
