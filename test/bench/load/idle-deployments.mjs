// Copies the one deployment of a data folder to many models: node --import tsx idle-deployments.mjs DATA COUNT
import { openStore } from "../../../src/server/store/open-store.ts";

const [data, count] = process.argv.slice(2);
const store = await openStore(data);
const { db } = store;
const deployment = db.prepare("SELECT * FROM deployments").get();
const insert = (table, row) => {
  const names = Object.keys(row);
  const marks = names.map(() => "?").join(", ");
  db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks})`).run(...Object.values(row));
};
const { copyFileSync } = await import("node:fs");
db.transaction(() => {
  for (let at = 0; at < Number(count); at += 1) {
    const id = `dep_idle${at}`;
    const model = `idle-${at}`;
    const created_at = deployment.created_at;
    insert("models", { name: model, created_at });
    insert("deployments", { ...deployment, id, model });
    insert("environments", { model, name: "production", desired: id, serving: id, updated_at: created_at });
    insert("model_packages", { model, package: deployment.package, committed_at: created_at });
    copyFileSync(`${data}/configs/${deployment.id}.json`, `${data}/configs/${id}.json`);
  }
});
await store.close();
