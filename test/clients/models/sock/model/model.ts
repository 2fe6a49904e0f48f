// Sends back what it gets, text as text and bytes as bytes. "close", "throw" and "endless" ask for something else.
export class Model {
  async websocket(socket: any) {
    for await (const message of socket) {
      if (message === "close") return socket.close(4001, "as asked");
      if (message === "throw") throw new Error("a secret of the model");
      if (message === "headers")
        await socket.send(JSON.stringify(Object.fromEntries(socket.request.headers)));
      else if (message === "endless") await tickUntilAborted(socket);
      else await socket.send(message);
    }
  }
}

async function tickUntilAborted(socket: any) {
  for (let tick = 0; !socket.signal.aborted; tick++) {
    await socket.send(`tick ${tick}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
