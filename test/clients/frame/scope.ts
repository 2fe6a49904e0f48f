type Hook = () => unknown;

/** Stands where helpers of the tests want a TestContext: what they register runs at the end, the last one first. */
export class Scope {
  readonly #hooks: Hook[] = [];

  readonly after = (hook?: unknown): void => {
    if (typeof hook === "function") this.#hooks.push(hook as Hook);
  };

  async close(): Promise<void> {
    for (let hook = this.#hooks.pop(); hook; hook = this.#hooks.pop()) {
      try {
        await hook();
      } catch (error) {
        process.stderr.write(`clean-up: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  }
}
