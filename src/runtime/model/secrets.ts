import { readSecret, secretHelp } from "../channel/secret-source.ts";

/** The `secrets` of a model's context: values are read when asked for, so a rotated one is seen at once. */
export function createSecrets(declared: readonly string[], env: NodeJS.ProcessEnv): object {
  const names = new Set(declared);
  const get = (name: string): string | undefined => (names.has(name) ? readSecret(name, env) : undefined);
  return new Proxy(Object.create(null) as object, {
    get(_target, name) {
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      if (name === "get") return get;
      if (!names.has(name)) {
        throw new Error(
          `Secret '${name}' is not declared: add \`${name}: null\` under \`secrets:\` in config.yaml.`,
        );
      }
      const value = readSecret(name, env);
      if (value === undefined)
        throw new Error(`Secret '${name}' is declared but has no value: ${secretHelp(name)}.`);
      return value;
    },
    has: (_target, name) => typeof name === "string" && get(name) !== undefined,
    // Listing secrets is how they end up in logs.
    ownKeys: () => [],
    set: () => false,
  });
}
