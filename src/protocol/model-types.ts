/** code/purlin-types.json of a package: what TypeScript says of the model's methods. Absent where it says nothing. */
export interface ModelTypes {
  methods: Record<string, MethodTypes>;
}

/** JSON Schema, draft 2020-12. */
export type JsonSchema = Record<string, unknown>;

/** null where the types say nothing, or nothing that JSON could hold. */
export interface MethodTypes {
  description?: string;
  input: JsonSchema | null;
  output: JsonSchema | null;
  /** What each item of a stream is. */
  item: JsonSchema | null;
  /** It returns a generator or a stream, at least sometimes. */
  supports_streaming: boolean;
  /** Bytes instead of JSON. */
  binary_input?: true;
  binary_output?: true;
}
