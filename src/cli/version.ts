declare const __PURLIN_VERSION__: string | undefined;

/** The version of this build of Purlin; sources that were not built have none. */
export const VERSION = typeof __PURLIN_VERSION__ === "string" ? __PURLIN_VERSION__ : "0.0.0-source";
