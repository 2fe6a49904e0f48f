export const NODE_VERSIONS: string[];
export function nodeBinary(version: string): string;
export function environmentOf(binary: string, env?: NodeJS.ProcessEnv): NodeJS.ProcessEnv & { PATH: string };
