export class Model {
  static input = "raw";

  predict(input) {
    return input;
  }
}
