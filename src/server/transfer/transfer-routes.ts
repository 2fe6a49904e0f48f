import {
  BATCH_TYPE,
  type BatchAnswer,
  type CommitAnswer,
  type CommitRequest,
  type MissingAnswer,
  type PushOpened,
  type TransferLimits,
} from "../../protocol/transfer.ts";
import type { ApiCall, CallKey, Route } from "../api/route.ts";
import { HostError } from "../host-error.ts";
import { requireRoom } from "../store/free-space.ts";
import type { PushRow, Store } from "../store/store.ts";
import { declaredLength, readJsonBody, steadyBody } from "./body.ts";
import { checkPush } from "./check-push.ts";
import { checkStoredSizes } from "./check-stored-sizes.ts";
import { modelOf } from "./model-of.ts";
import { isDigest, readBatch } from "./read-batch.ts";

export interface TransferOptions {
  store: Store;
  target: string;
  limits: TransferLimits;
  /** Within the transaction of the commit: makes the deployment and returns its id. May throw HostError. */
  deploy(push: PushRow, request: CommitRequest, by: CallKey): string;
  /** The commit is on disk. */
  afterCommit(deployment: string): void;
}

const MODEL = "/v1/models/:model";

/** A package on its way in: manifest, missing files, the files, commit. See protocol/transfer.ts for the shapes. */
export function transferRoutes(options: TransferOptions): Route[] {
  const { store, target, limits } = options;
  const { blobs, uploads, packages } = store;
  const json = (call: ApiCall, limit: number): Promise<unknown> => readJsonBody(call.req, limit, limits);
  const routes: Omit<Route, "scope">[] = [
    {
      method: "POST",
      path: `${MODEL}/pushes`,
      audit: "push.open",
      async handle(call) {
        const model = modelOf(call);
        const manifest = checkPush(await json(call, limits.manifest_bytes), { model, target, limits });
        const { push, missing } = packages.openPush(model, manifest);
        const wanted = new Set(missing);
        const missing_bytes = manifest.files.reduce(
          // A file that is there twice is sent once.
          (sum, [, , digest, size]) => sum + (wanted.delete(digest) ? size : 0),
          0,
        );
        // Told before a byte is sent, not after an hour.
        requireRoom(store.dir, missing_bytes);
        call.audit({ package: push.package, push: push.id });
        call.json(missing.length === 0 ? 200 : 201, {
          push_id: push.id,
          state: missing.length === 0 ? "READY" : "AWAITING_FILES",
          package: push.package,
          missing,
          missing_bytes,
          expires_at: push.expires_at,
        } satisfies PushOpened);
      },
    },
    {
      method: "POST",
      path: `${MODEL}/files:missing`,
      async handle(call) {
        const { digests } = fieldsOf(await json(call, limits.missing_query * 80 + 1024));
        if (!Array.isArray(digests) || !digests.every(isDigest)) {
          throw new HostError("BAD_DIGEST", "digests must be a list of sha256:<64 hex digits>.");
        }
        if (digests.length > limits.missing_query) {
          throw new HostError(
            "BAD_REQUEST",
            `More than ${limits.missing_query} digests were asked for at once.`,
          );
        }
        call.json(200, {
          missing: blobs.missing(modelOf(call), digests),
        } satisfies MissingAnswer);
      },
    },
    {
      method: "POST",
      path: `${MODEL}/files:batch`,
      async handle(call) {
        if (call.headers["content-type"] !== BATCH_TYPE) {
          throw new HostError("BAD_BATCH", `A batch is sent as ${BATCH_TYPE}.`);
        }
        declaredLength(call.req, limits.batch_bytes + limits.batch_files * 128 + 4);
        const files = await readBatch(steadyBody(call.req, limits), limits);
        const { stored, existing, failed } = await blobs.writeMany(modelOf(call), files);
        call.json(200, {
          stored,
          existing,
          failed: failed.map((digest) => ({ digest, code: "DIGEST_MISMATCH" })),
        } satisfies BatchAnswer);
      },
    },
    {
      method: "PUT",
      path: `${MODEL}/files/:digest`,
      async handle(call) {
        const size = declaredLength(call.req, limits.whole_file_bytes);
        const digest = digestOf(call.params["digest"]);
        const answer = await blobs.write(modelOf(call), digest, size, steadyBody(call.req, limits));
        call.json(answer === "stored" ? 201 : 200, { digest, state: answer });
      },
    },
    {
      method: "POST",
      path: `${MODEL}/uploads`,
      async handle(call) {
        const { digest, size } = fieldsOf(await json(call, 4096));
        if (!Number.isSafeInteger(size) || (size as number) < 0)
          throw new HostError("BAD_REQUEST", "size must be a number of bytes.");
        if ((size as number) > limits.file_bytes) {
          throw new HostError("FILE_TOO_LARGE", `${String(size)} bytes; ${limits.file_bytes} are allowed.`);
        }
        const opened = uploads.open(modelOf(call), digestOf(digest), size as number);
        call.json(opened.exists || (opened.received?.length ?? 0) > 0 ? 200 : 201, opened);
      },
    },
    {
      method: "GET",
      path: `${MODEL}/uploads/:upload`,
      handle: (call) => call.json(200, uploads.get(modelOf(call), call.params["upload"] as string)),
    },
    {
      method: "DELETE",
      path: `${MODEL}/uploads/:upload`,
      async handle(call) {
        await uploads.remove(modelOf(call), call.params["upload"] as string);
        call.json(204, undefined);
      },
    },
    {
      method: "PUT",
      path: `${MODEL}/uploads/:upload/parts/:part`,
      async handle(call) {
        declaredLength(call.req, limits.part_bytes);
        const sha256 = /^sha-256=:([A-Za-z0-9+/]{43}=):$/.exec(
          String(call.headers["content-digest"] ?? ""),
        )?.[1];
        if (sha256 === undefined)
          throw new HostError("BAD_PART", "A part needs Content-Digest: sha-256=:<base64>:");
        const { upload = "", part = "" } = call.params;
        const body = steadyBody(call.req, limits);
        await uploads.part(modelOf(call), upload, Number(part), body, Buffer.from(sha256, "base64"));
        // What a part that is there already was sent again with is not read.
        body.destroy();
        call.json(204, undefined);
      },
    },
    {
      method: "POST",
      path: `${MODEL}/uploads/:upload:complete`,
      async handle(call) {
        await uploads.complete(modelOf(call), call.params["upload"] as string);
        call.json(201, { state: "stored" });
      },
    },
    {
      method: "POST",
      path: `${MODEL}/pushes/:push:commit`,
      audit: "push.commit",
      async handle(call) {
        const request = readCommit(await json(call, 64 * 1024));
        const push = packages.push(modelOf(call), call.params["push"] as string);
        const { deployment, fresh } = packages.commit(push, () => {
          checkStoredSizes(store, push.manifest.files);
          return options.deploy(push, request, call.key);
        });
        call.audit({ deployment, package: push.package, environment: request.environment });
        if (fresh) options.afterCommit(deployment);
        call.json(fresh ? 201 : 200, {
          deployment_id: deployment,
          package: push.package,
          state: "CREATED",
          environment: request.environment,
        } satisfies CommitAnswer);
      },
    },
  ];
  return routes.map((route) => ({ ...route, scope: "deploy" }));
}

function digestOf(value: unknown): `sha256:${string}` {
  if (isDigest(value)) return value;
  throw new HostError("BAD_DIGEST", "A digest is sha256: and 64 hex digits in lower case.");
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new HostError("BAD_REQUEST", "The body must be a JSON object.");
}

function readCommit(value: unknown): CommitRequest {
  const { environment, message, rollout, expect_previous } = fieldsOf(value);
  if (typeof environment !== "string" || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(environment)) {
    throw new HostError("BAD_REQUEST", "environment must be a name: lower-case letters, digits and -.");
  }
  if (message !== undefined && (typeof message !== "string" || message.length > 1000)) {
    throw new HostError("BAD_REQUEST", "message must be text of at most 1000 characters.");
  }
  if (
    rollout !== undefined &&
    !(Number.isInteger(rollout) && (rollout as number) >= 1 && (rollout as number) <= 99)
  ) {
    throw new HostError("BAD_REQUEST", "rollout must be a whole number from 1 to 99.");
  }
  if (expect_previous !== undefined && expect_previous !== null && !isDigest(expect_previous)) {
    throw new HostError("BAD_DIGEST", "expect_previous must be a digest, or null.");
  }
  return {
    environment,
    message: message as string | undefined,
    rollout: rollout as number | undefined,
    expect_previous: expect_previous as CommitRequest["expect_previous"],
  };
}
