import type { Digest } from "../../../src/protocol/manifest.ts";
import { validateConfig } from "../../../src/project/validate-config.ts";
import type { Store } from "../../../src/server/store/store.ts";
import { bytesOf, packageOf } from "../store/test-store.ts";

/** A committed package of the model `m` in a store, different for each text. */
export async function packModel(store: Store, text: string, config = ""): Promise<Digest> {
  const { config: checked } = validateConfig(`model_name: m\n${config}`, {
    file: "config.yaml",
    folderName: "m",
  });
  const files = { "config/config.json": JSON.stringify(checked), "data/text": text };
  const manifest = packageOf(files);
  const { push, missing } = store.packages.openPush("m", manifest);
  const texts = ["export default class Model {}\n", ...Object.values(files)].map(bytesOf);
  await store.blobs.writeMany(
    "m",
    texts.filter(({ digest }) => missing.includes(digest)),
  );
  store.packages.commit(push, () => "dep_none");
  return manifest.package;
}
