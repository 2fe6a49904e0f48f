import assert from "node:assert/strict";
import { it } from "node:test";
import { isTelling } from "../../src/types/telling.ts";

const model = (body: string): string => `export class Model {\n  ${body}\n}\n`;

for (const body of [
  "predict(input: { text: string }) { return input; }",
  "predict({ text, n = 3 }: Input) { return text; }",
  "async predict(input: Input, request: Request) {}",
  "predict(input: unknown): { label: string } { return x; }",
  "predict(input): Promise<Answer> { return x; }",
  "predict = (input: Input) => input;",
  "predict = async ({ a: { b } }: Input) => b;",
  "predict<T extends object>(input: T) {}",
  "predict: Handler = (input) => input;",
  "async *chatCompletions(input: ChatRequest) {}",
  "preprocess(input: Input) {} predict(input) {}",
  "postprocess(output: unknown): string { return ''; }",
  "predictBatch(inputs: Input[]) { return inputs; }",
  "predict(\n    // a comment, with (\n    input: Input,\n  ) {}",
  "predict(input: unknown | string) {}",
  "static input = Input; predict(input: z.infer<typeof Input>) {}",
  "static input = { embeddings: E }; static output = { embeddings: F }; predict(input: Input) {}",
  "static input = Input; static output = Output; chatCompletions(input: Chat) {}",
  "/** @param {Input} input */ predict(input) {}",
]) {
  it(`TypeScript is asked about: ${body.split("\n").join(" ")}`, () =>
    assert.equal(isTelling(model(body)), true));
}

for (const body of [
  "predict(input: unknown) { return input; }",
  "predict(input: any, request: Request) { return input; }",
  "predict(input: any): unknown { return input; }",
  "predict(input) { return this.net.predict(input as string); }",
  "async predict(input: unknown): Promise<unknown> {}",
  "predict() { return { a: 1, b: { c: 2 } }; }",
  "// predict(input: Input) {}\n  predict(input: unknown) {}",
  "/* predict(input: Input) */ predict(input: unknown) {}",
  "predict({ text, n = 3 }: any) { return text; }",
  "predict = (input: unknown) => input;",
  "static input = Input; static output = z.object({}); predict(input: z.infer<typeof Input>) {}",
]) {
  it(`TypeScript is not loaded for: ${body.split("\n").join(" ")}`, () =>
    assert.equal(isTelling(model(body)), false));
}
