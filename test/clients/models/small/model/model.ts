export class Model {
  async predict(input: any) {
    await new Promise((resolve) => setTimeout(resolve, input.sleep ?? 0));
    return { slept: input.sleep ?? 0 };
  }
}
