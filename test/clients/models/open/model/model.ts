/** Takes anything and gives it back: without types, its OpenAPI document has open schemas. */
export class Model {
  predict(input: unknown) {
    return input ?? null;
  }
}
