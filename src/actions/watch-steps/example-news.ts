import type { Reporter } from "../../events.ts";
import type { ExampleDifference } from "../../protocol/control.ts";

/** Tells of answers that are not those of config.yaml: each difference once, for as long as it stands. */
export class ExampleNews {
  readonly #report: Reporter;
  readonly #keys: boolean;
  #told = new Set<string>();

  constructor({ report, keys }: { report: Reporter; keys: boolean }) {
    this.#report = report;
    this.#keys = keys;
  }

  /** All that differ in what is live now. */
  tell(differences: readonly ExampleDifference[]): void {
    const keyed = new Map(differences.map((each) => [`${each.name}\n${each.difference}`, each]));
    const fresh = [...keyed].filter(([key]) => !this.#told.has(key)).map(([, each]) => each);
    this.#told = new Set(keyed.keys());
    if (fresh.length > 0)
      this.#report.emit({ type: "examples-changed", differences: fresh, keys: this.#keys });
  }
}
