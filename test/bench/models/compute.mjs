import { spin } from "./spin.mjs";

export class Model {
  predict() {
    return { spins: spin() > 0 };
  }
}
