/**
 * What can differ between versions of Node: what runs user code, speaks HTTP, starts processes, packs, unpacks or
 * watches files. A folder or file of a suite is either here or, with the reason, in ELSEWHERE; a test compares.
 */
export const CORE = {
  unit: [
    "test/client/",
    "test/http/",
    "test/pack/",
    "test/protocol/",
    "test/runtime/",
    "test/server/",
    "test/supervise/",
    "test/sync/",
    "test/util/",
  ],
  e2e: [
    "test/e2e/addons-of-other-nodes.test.ts",
    "test/e2e/behind-a-proxy.test.ts",
    "test/e2e/host/",
    "test/e2e/native-packages.test.ts",
    "test/e2e/npm-pack.test.ts",
    "test/e2e/serve-watch.test.ts",
  ],
};

const COMPILES = "reads sources with packages of our own choice, the same on each Node";
const SAME_PATH = "goes the same way through runtime and host as the core does";

/** Run on the machine's own Node only by `.ci/run`, and on each Node by the matrix of the workflow. */
export const ELSEWHERE = {
  unit: {
    "test/actions/": SAME_PATH,
    "test/architecture.test.ts": COMPILES,
    "test/bundle/": COMPILES,
    "test/cli/": SAME_PATH,
    "test/docs/": SAME_PATH,
    "test/nodes/": "is about the choice of Nodes",
    "test/package-lock.test.ts": COMPILES,
    "test/project/": COMPILES,
    "test/remotes/": "reads and writes one file",
    "test/types/": COMPILES,
  },
  e2e: {
    "test/e2e/chat-llama.test.ts": SAME_PATH,
    "test/e2e/example-differences.test.ts": SAME_PATH,
    "test/e2e/generated-client.test.ts": COMPILES,
    "test/e2e/no-change-build.test.ts": SAME_PATH,
    "test/e2e/openapi-generators.test.ts": "runs tools of others on a document",
    "test/e2e/soak.test.ts": SAME_PATH,
    "test/e2e/template-edits.test.ts": SAME_PATH,
    "test/e2e/templates.test.ts": SAME_PATH,
    "test/e2e/watch-types.test.ts": SAME_PATH,
  },
};
