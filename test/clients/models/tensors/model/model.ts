// Gives back what it gets: arrays as arrays of the same type and shape.
export class Model {
  predict(input: unknown) {
    return input;
  }
}
