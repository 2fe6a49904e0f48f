// Sends a WAV file (16 kHz, mono, 16 bit) at the pace of its sound and prints what comes back.
// Usage: node client.mjs [samples/speech.wav] [ws://127.0.0.1:8080/v1/websocket]
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";

const [file = "samples/speech.wav", url = "ws://127.0.0.1:8080/v1/websocket"] = process.argv.slice(2);
const wav = await readFile(file);
const sound = wav.subarray(wav.indexOf("data") + 8);

const socket = new WebSocket(url);
socket.on("message", (message) => console.log(message.toString()));
socket.on("error", (error) => console.error(error.message));
socket.on("close", (code, reason) => console.log(`closed: ${code} ${reason}`));
socket.on("open", async () => {
  const bytesIn100Ms = 3200;
  for (let at = 0; at < sound.length; at += bytesIn100Ms) {
    socket.send(sound.subarray(at, at + bytesIn100Ms));
    await delay(100);
  }
  socket.send(JSON.stringify({ type: "end" }));
});
