export const CORE: { unit: string[]; e2e: string[] };
/** From a folder or a file to the reason why it is not in the core. */
export const ELSEWHERE: { unit: Record<string, string>; e2e: Record<string, string> };
