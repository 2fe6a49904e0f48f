export class Model {
  predict(input) {
    return input;
  }
}
