import { setImmediate as turnOfTheLoop } from "node:timers/promises";

/** As the yardstick's /stream: 100 chunks, one turn of the event loop for each. */
export class Model {
  async *predict() {
    for (let index = 0; index < 100; index += 1) {
      await turnOfTheLoop();
      yield `token number ${1000 + index} `;
    }
  }
}
