import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DEVELOPMENT } from "../../protocol/development.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { LocalPackage, PackageReference } from "../replicas/engine.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";

/** The package of a deployment, put in place where an engine asks for its files, and kept from garbage collection. */
export class PlacedPackage {
  readonly reference: PackageReference;
  readonly #store: Store;
  readonly #release: () => void;
  /** variants/<deployment>: packages that replicas are brought to while they run; null where none will be. */
  readonly #variantsDir: string | null;
  #placing: Promise<LocalPackage> | null = null;

  constructor(store: Store, row: DeploymentRow) {
    this.#store = store;
    this.#variantsDir = row.environment === DEVELOPMENT ? join(store.dir, "variants", row.id) : null;
    this.#release = store.packages.hold(row.package);
    this.reference = { digest: row.package, local: () => this.#place(row.package) };
  }

  /** Another package that shares all but its code and config with this one; it is put in place beside this one. */
  variant(manifest: PackageManifest): PackageReference {
    let placing: Promise<LocalPackage> | null = null;
    return {
      digest: manifest.package,
      local: () => (placing ??= this.#placeVariant(manifest)),
    };
  }

  release(): void {
    this.#release();
  }

  removeVariants(): void {
    if (this.#variantsDir !== null) rmSync(this.#variantsDir, { recursive: true, force: true });
  }

  #place(digest: DeploymentRow["package"]): Promise<LocalPackage> {
    this.#placing ??= this.#store.packages.place(digest).then(
      (dir) => {
        if (this.#variantsDir !== null) mkdirSync(this.#variantsDir, { recursive: true, mode: 0o700 });
        return this.#at(dir);
      },
      (error: unknown) => {
        this.#placing = null;
        throw error;
      },
    );
    return this.#placing;
  }

  async #placeVariant(manifest: PackageManifest): Promise<LocalPackage> {
    const { dir: of } = await this.reference.local();
    const parent = this.#variantsDir as string;
    return this.#at(await this.#store.packages.placeVariant({ manifest, of, parent }));
  }

  #at(dir: string): LocalPackage {
    return { dir, variantDirs: this.#variantsDir === null ? [] : [this.#variantsDir] };
  }
}
