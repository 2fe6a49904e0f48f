import type { RowResult } from "../frame/run-row-file.ts";
import type { Target } from "../frame/targets.ts";

export declare const target: Target;
export declare function print(result: RowResult): void;
export declare function row(call: string, must: string, check: () => unknown): Promise<void>;
export declare function skip(call: string, must: string, why: string): void;
export declare function thrownBy(call: Promise<unknown> | (() => unknown)): Promise<Error>;
