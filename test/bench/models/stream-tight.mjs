/** The same 100 chunks with no pause between them: what the runtime may put together, it will. */
export class Model {
  *predict() {
    for (let index = 0; index < 100; index += 1) yield `token number ${1000 + index} `;
  }
}
