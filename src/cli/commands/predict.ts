import { resolve } from "node:path";
import { addAbortSignal } from "node:stream";
import { UsageError } from "../../errors.ts";
import { type CallableMethod, CALLABLE_NAMES } from "../../protocol/methods.ts";
import type { PredictInput } from "../../actions/read-predict-input.ts";
import { type CommandContext, defineCommand, type Output } from "../define-command.ts";
import { collect, parseSeconds } from "../parse-values.ts";
import { remoteOption, type RemoteOptions } from "../remote-option.ts";
import { formatMs } from "../report/format.ts";

interface Options extends RemoteOptions {
  environment: string;
  deployment?: string;
  development?: true;
  data?: string;
  file?: string;
  form?: string[];
  contentType?: string;
  local?: string | true;
  method: string;
  stream?: true;
  timeout: number;
}

const DEFAULT_ADDRESS = "http://127.0.0.1:8080";

export const predictCommand = defineCommand<Options>({
  name: "predict",
  summary: "call a running model once",
  description:
    "Calls a running model once and prints its answer.\n" +
    "The input is JSON, or bytes where a file is no text; an error answer makes the exit code 1.",
  arguments: [{ name: "[model]", description: "a deployed model; --local for one that is served here" }],
  options: [
    remoteOption,
    {
      flags: "-e, --environment <name>",
      description: "the environment that is asked",
      default: "production",
    },
    { flags: "--deployment <id>", description: "that deployment" },
    { flags: "--development", description: "the development deployment" },
    { flags: "-d, --data <json>", description: "the input" },
    { flags: "-f, --file <file>", description: "a file with the input" },
    {
      flags: "-F, --form <field>",
      description: "a field of a form, name=text or name=@file; once for each",
      parse: collect,
    },
    { flags: "--content-type <type>", description: "send the input unread, as this type" },
    {
      flags: "--local [url]",
      description: `a model served on this machine; ${DEFAULT_ADDRESS} without an address`,
    },
    {
      flags: "--method <method>",
      description: `the method to call: ${CALLABLE_NAMES.join(", ")}`,
      default: "predict",
    },
    { flags: "--stream", description: "print the pieces of the answer as they come" },
    {
      flags: "--timeout <time>",
      description: "longest wait for the answer (seconds)",
      default: 600,
      parse: parseSeconds,
    },
  ],
  examples: [
    `purlin predict my-model -d '{"text": "hello"}'`,
    `purlin predict --local -d '{"text": "hello"}'`,
    "purlin predict --local http://127.0.0.1:9000 -f photo.jpg",
    "purlin predict my-model -F image=@photo.jpg -F top=3",
    "cat input.json | purlin predict --local --stream",
  ],
  async run({ args, options }, context) {
    const place = await findPlace(args[0], options, context);
    const method = readMethod(options.method);
    const { predict } = await import("../../actions/predict.ts");
    const input = await readInput(options, context);
    const result = await predict({
      ...place,
      method,
      input,
      stream: options.stream === true,
      timeoutMs: options.timeout * 1000,
      signal: context.signal,
      onChunk: (chunk) => context.write(chunk),
    });
    if (context.verbose) {
      const parts = [
        result.status,
        result.contentType,
        formatMs(result.durationMs),
        `request ${result.requestId}`,
      ];
      context.report.emit({ type: "note", message: parts.join(" · ") });
    }
    return result.body === null ? undefined : answerOutput(result.body, result.contentType, context);
  },
});

interface Place {
  address: string;
  base?: string;
  key?: string | null;
}

async function findPlace(
  model: string | undefined,
  options: Options,
  { env }: CommandContext,
): Promise<Place> {
  if (options.local !== undefined) {
    if (model === undefined) return { address: readAddress(options.local) };
    throw new UsageError("Both a model and --local were given.", "Give the one that is meant.");
  }
  if (model === undefined) {
    throw new UsageError(
      "predict needs to be told which model.",
      "As in purlin predict my-model; for one served on this machine: purlin predict --local http://127.0.0.1:8080",
    );
  }
  const { findModel } = await import("../../actions/find-model.ts");
  const environment = options.development === true ? "development" : options.environment;
  return findModel({ model, environment, deployment: options.deployment, remote: options.remote, env });
}

function readAddress(local: string | true): string {
  if (local === true) return DEFAULT_ADDRESS;
  if (local.startsWith("unix:")) return local;
  const text = /^\d+$/.test(local)
    ? `http://127.0.0.1:${local}`
    : local.includes("://")
      ? local
      : `http://${local}`;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin;
  throw new UsageError(`--local ${local} is not an address.`, "Write it as --local http://127.0.0.1:8080");
}

/** chat_completions and chat-completions are meant as chatCompletions. */
function readMethod(typed: string): CallableMethod {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, "");
  const method = CALLABLE_NAMES.find((name) => plain(name) === plain(typed));
  if (method) return method;
  throw new UsageError(`There is no method ${typed}.`, `There are: ${CALLABLE_NAMES.join(", ")}.`);
}

async function readInput(options: Options, context: CommandContext): Promise<PredictInput> {
  const { data, file, form, contentType } = options;
  if (form === undefined) {
    const { readPredictInput } = await import("../../actions/read-predict-input.ts");
    return readPredictInput(inputSource(options, context));
  }
  if (data !== undefined || file !== undefined || contentType !== undefined) {
    throw new UsageError(
      "-F was given beside another input.",
      "A form is the whole input, and has a content type of its own: leave out -d, -f and --content-type.",
    );
  }
  const { readFormInput } = await import("../../actions/read-form-input.ts");
  return readFormInput(form, context.cwd);
}

function inputSource(options: Options, context: CommandContext) {
  const { data, file, contentType } = options;
  if (data !== undefined && file !== undefined) {
    throw new UsageError("Both -d and -f were given.", "Give the input once: with -d, with -f, or on stdin.");
  }
  if (data === undefined && file === undefined && context.isTTY.stdin) {
    throw new UsageError(
      "There is no input.",
      "Give it with -d '{\"a\": 1}', with -f input.json, or on stdin.",
    );
  }
  // -f - is stdin, as everywhere.
  if (data === undefined && (file === undefined || file === "-"))
    return { stdin: addAbortSignal(context.signal, context.stdin), contentType };
  return {
    data,
    contentType,
    ...(file === undefined ? {} : { file: { path: resolve(context.cwd, file), name: file } }),
  };
}

async function answerOutput(
  body: Uint8Array,
  contentType: string,
  context: CommandContext,
): Promise<Output | undefined> {
  const isJson = /^application\/([\w.-]+\+)?json\b/.test(contentType);
  if (isJson) {
    const json: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    return { json, text: context.isTTY.stdout ? JSON.stringify(json, null, 2) : JSON.stringify(json) };
  }
  if (context.json) {
    const isText = contentType.startsWith("text/");
    return {
      json: isText
        ? { content_type: contentType, text: Buffer.from(body).toString("utf8") }
        : { content_type: contentType, base64: Buffer.from(body).toString("base64") },
    };
  }
  await context.write(body);
  return undefined;
}
