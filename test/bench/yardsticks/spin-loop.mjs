/** One core's ceiling: the CPU-bound predict in a loop with nothing around it. Prints predicts per second. */
import { spin } from "../models/spin.mjs";

const ms = Number(process.argv[2]);
const start = performance.now();
let count = 0;
while (performance.now() - start < ms) {
  spin();
  count += 1;
}
console.log((count / (performance.now() - start)) * 1000);
