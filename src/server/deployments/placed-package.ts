import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DEVELOPMENT } from "../../protocol/development.ts";
import type { PackageManifest } from "../../protocol/manifest.ts";
import type { Store } from "../store/store.ts";
import type { DeploymentRow } from "./deployment-row.ts";

/** The package of a deployment as a folder, made when it is first needed and kept from garbage collection. */
export class PlacedPackage {
  /** variants/<deployment>: packages that replicas are brought to while they run; null where none will be. */
  readonly variantsDir: string | null;
  readonly #store: Store;
  readonly #release: () => void;
  readonly #digest: DeploymentRow["package"];
  #placing: Promise<void> | null = null;
  #dir: string | null = null;

  constructor(store: Store, row: DeploymentRow) {
    this.#store = store;
    this.#digest = row.package;
    this.variantsDir = row.environment === DEVELOPMENT ? join(store.dir, "variants", row.id) : null;
    this.#release = store.packages.hold(row.package);
  }

  /** Absolute; only once `place` has resolved. */
  get dir(): string {
    return this.#dir as string;
  }

  place(): Promise<void> {
    this.#placing ??= this.#store.packages.place(this.#digest).then(
      (dir) => {
        if (this.variantsDir !== null) mkdirSync(this.variantsDir, { recursive: true, mode: 0o700 });
        this.#dir = dir;
      },
      (error: unknown) => {
        this.#placing = null;
        throw error;
      },
    );
    return this.#placing;
  }

  /** A folder of another package that shares all but its code and config with this one. */
  variant(manifest: PackageManifest): Promise<string> {
    return this.#store.packages.placeVariant({ manifest, of: this.dir, parent: this.variantsDir as string });
  }

  /** Replicas start from there from now on. */
  moveTo(variant: string): void {
    this.#dir = variant;
  }

  release(): void {
    this.#release();
  }

  removeVariants(): void {
    if (this.variantsDir !== null) rmSync(this.variantsDir, { recursive: true, force: true });
  }
}
