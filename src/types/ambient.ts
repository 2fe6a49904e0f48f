import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installDir } from "../util/install-dir.ts";

export const AMBIENT_FILE = "/__purlin__/ambient.d.ts";

/**
 * The names of the web and of Node that signatures use. Their own declarations are 2.5 MB, which would be parsed for
 * every build; a schema needs to know them only by name.
 */
const PLATFORM = `
interface Blob { readonly size: number; readonly type: string }
interface File extends Blob { readonly name: string; readonly lastModified: number }
interface Request { readonly url: string; readonly signal: AbortSignal; json(): Promise<any>; text(): Promise<string>; arrayBuffer(): Promise<ArrayBuffer>; readonly headers: Headers; readonly body: ReadableStream<Uint8Array> | null }
interface Response { readonly ok: boolean; readonly status: number; readonly headers: Headers; readonly body: ReadableStream<Uint8Array> | null; json(): Promise<any>; text(): Promise<string>; arrayBuffer(): Promise<ArrayBuffer>; blob(): Promise<Blob> }
interface ReadableStream<R = any> { readonly locked: boolean; [Symbol.asyncIterator](): AsyncIterableIterator<R> }
interface Headers { get(name: string): string | null }
interface FormData { get(name: string): File | string | null }
interface URL { readonly href: string; toJSON(): string }
interface URLSearchParams { get(name: string): string | null }
interface AbortSignal { readonly aborted: boolean; readonly reason: any }
interface AbortController { readonly signal: AbortSignal; abort(reason?: any): void }
interface Event { readonly type: string }
interface EventTarget { dispatchEvent(event: Event): boolean }
interface Buffer extends Uint8Array { readonly __buffer: true }
interface TextEncoder { encode(text: string): Uint8Array }
interface TextDecoder { decode(bytes: any): string }
declare var Blob: { new (parts?: any[], options?: any): Blob; prototype: Blob };
declare var File: { new (parts: any[], name: string, options?: any): File; prototype: File };
declare var Request: { new (input: any, init?: any): Request; prototype: Request };
declare var Response: { new (body?: any, init?: any): Response; json(value: any, init?: any): Response; prototype: Response };
declare var ReadableStream: { new <R = any>(source?: any, strategy?: any): ReadableStream<R>; prototype: ReadableStream };
declare var Headers: { new (init?: any): Headers; prototype: Headers };
declare var FormData: { new (): FormData; prototype: FormData };
declare var URL: { new (url: string | URL, base?: string | URL): URL; prototype: URL };
declare var AbortController: { new (): AbortController; prototype: AbortController };
declare var TextEncoder: { new (): TextEncoder; prototype: TextEncoder };
declare var TextDecoder: { new (encoding?: string): TextDecoder; prototype: TextDecoder };
declare var Buffer: { from(data: any, encoding?: any): Buffer; alloc(size: number): Buffer; concat(parts: any[]): Buffer; byteLength(text: string): number };
declare function fetch(input: any, init?: any): Promise<Response>;
declare function structuredClone<T>(value: T): T;
declare function setTimeout(run: (...given: any[]) => void, ms?: number, ...given: any[]): any;
declare function clearTimeout(timer: any): void;
declare var console: any;
declare var process: any;
declare var performance: { now(): number };
declare var crypto: any;
`;

let text: string | undefined;

/** What every model may use without an import of its own, and "purlin", which may be installed nowhere. */
export function ambientText(): string {
  text ??= `${PLATFORM}\n${readFileSync(join(installDir(), "dist/sdk/purlin-env.d.ts"), "utf8")}`;
  return text;
}
