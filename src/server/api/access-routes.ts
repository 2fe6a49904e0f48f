import type { KeyScope } from "../../protocol/host-api.ts";
import type { Audit } from "../access/audit.ts";
import type { Keys } from "../access/keys.ts";
import type { Secrets } from "../access/secrets.ts";
import type { Deployments } from "../deployments/deployments.ts";
import { HostError } from "../host-error.ts";
import { countParam, readFields, textField } from "./read-fields.ts";
import type { Route } from "./route.ts";

const SECRET_BYTES = 64 * 1024;
/** JSON writes a byte with six at most. */
const JSON_OF_SECRET_BYTES = 6 * SECRET_BYTES + 1024;
const SCOPES: readonly KeyScope[] = ["admin", "deploy", "invoke"];

export interface AccessRoutesOptions {
  keys: Keys;
  secrets: Secrets;
  audit: Audit;
  deployments: Deployments;
}

/** Secrets, keys and the audit log. */
export function accessRoutes({ keys, secrets, audit, deployments }: AccessRoutesOptions): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/secrets",
      scope: "deploy",
      handle(call) {
        const users = deployments
          .live()
          .map(({ row, config }) => ({ model: row.model, names: Object.keys(config.secrets) }));
        call.json(200, {
          secrets: secrets.list().map((secret) => ({
            ...secret,
            used_by: [
              ...new Set(users.filter(({ names }) => names.includes(secret.name)).map(({ model }) => model)),
            ],
          })),
        });
      },
    },
    {
      method: "PUT",
      path: "/v1/secrets/:name",
      scope: "deploy",
      audit: "secret.set",
      async handle(call) {
        const name = secretName(call.params["name"]);
        call.audit({ secret: name });
        const value = textField(await readFields(call, JSON_OF_SECRET_BYTES), "value");
        if (value === undefined || value === "")
          throw new HostError("BAD_REQUEST", "value must be text that is not empty.");
        if (Buffer.byteLength(value) > SECRET_BYTES)
          throw new HostError("BAD_REQUEST", "A secret has at most 64 KiB.");
        secrets.set(name, value);
        deployments.secretsChanged();
        call.json(200, { name, state: "set" });
      },
    },
    {
      method: "DELETE",
      path: "/v1/secrets/:name",
      scope: "deploy",
      audit: "secret.delete",
      handle(call) {
        const name = secretName(call.params["name"]);
        call.audit({ secret: name });
        secrets.remove(name);
        deployments.secretsChanged();
        call.json(200, { name, deleted: true });
      },
    },
    {
      method: "GET",
      path: "/v1/keys",
      scope: "admin",
      handle: (call) => call.json(200, { keys: keys.list() }),
    },
    {
      method: "POST",
      path: "/v1/keys",
      scope: "admin",
      audit: "key.create",
      async handle(call) {
        const fields = await readFields(call);
        const name = textField(fields, "name");
        const scope = textField(fields, "scope") ?? "invoke";
        const models = fields["models"] ?? null;
        if (name === undefined || !/^[\w.@ -]{1,100}$/.test(name)) {
          throw new HostError("BAD_REQUEST", "name must be 1 to 100 letters, digits, spaces or . _ - @");
        }
        if (!SCOPES.some((known) => known === scope)) {
          throw new HostError("BAD_REQUEST", `scope must be one of ${SCOPES.join(", ")}.`);
        }
        if (
          models !== null &&
          !(Array.isArray(models) && models.every((model) => typeof model === "string"))
        ) {
          throw new HostError("BAD_REQUEST", "models must be a list of names, or null for all.");
        }
        const created = keys.create({ name, scope: scope as KeyScope, models: models as string[] | null });
        call.audit({ created: created.id, name, scope, models });
        call.json(201, created);
      },
    },
    {
      method: "DELETE",
      path: "/v1/keys/:key",
      scope: "admin",
      audit: "key.revoke",
      handle(call) {
        call.audit({ revoked: call.params["key"] });
        call.json(200, keys.revoke(call.params["key"] as string));
      },
    },
    {
      method: "GET",
      path: "/v1/audit",
      scope: "admin",
      handle(call) {
        const limit = countParam(call.url, "limit", { otherwise: 100, most: 1000 });
        const before = countParam(call.url, "before", { otherwise: Number.MAX_SAFE_INTEGER });
        call.json(200, { entries: audit.list({ limit, before }) });
      },
    },
  ];
}

function secretName(name: string | undefined): string {
  // As config.yaml allows them: the name is a file of the model's secrets folder.
  if (name !== undefined && /^[\w-][\w.-]{0,127}$/.test(name)) return name;
  throw new HostError(
    "BAD_REQUEST",
    "A secret's name has letters, digits, _, - and dots, and begins with no dot.",
  );
}
