/** A stream of 100 short chunks, against node:http that writes them with one turn of the loop for each. */
import { checkAnswer, hundredTokens } from "../lib/check-answer.mjs";
import { compare, rounds, slice } from "../lib/measure.mjs";
import { atLeast, atMost, row } from "../lib/report.mjs";

export const title = "stream of 100 chunks, against bare node:http with one turn of the loop for each chunk";

export async function run(context) {
  const servers = {
    bare: await context.startBare(),
    ours: await context.startModel("stream"),
    tight: await context.startModel("stream-tight"),
  };
  const pathOf = (server) => (server.bare ? "/stream" : "/predict");
  for (const server of Object.values(servers)) {
    await checkAnswer(server, { path: pathOf(server), body: "json_1k" }, hundredTokens);
  }
  const measure = (server, connections) => () =>
    slice(context.client, server, {
      path: pathOf(server),
      body: "json_1k",
      connections,
      ms: context.sliceMs,
    });
  const measureAll = (connections) =>
    rounds(context.rounds, {
      bare: measure(servers.bare, connections),
      ours: measure(servers.ours, connections),
      tight: measure(servers.tight, connections),
    });
  const one = await measureAll(1);
  const measureFresh = (server) => () =>
    slice(context.client, server, {
      kind: "fresh",
      path: pathOf(server),
      body: "json_1k",
      ms: context.sliceMs,
    });
  const fresh = await rounds(context.rounds, {
    bare: measureFresh(servers.bare),
    ours: measureFresh(servers.ours),
  });
  const sixteen = await measureAll(16);
  await Promise.all(Object.values(servers).map((server) => server.stop()));

  const chunks = (record) => record.chunks_per_second;
  const perStream = (records) =>
    `${Math.round(records[0].chunks / records[0].requests)} chunks on the wire a stream`;
  return [
    row({
      figure: "first chunk, c=1: p50",
      unit: "ms",
      ...compare(one.ours, one.bare, (record) => record.first_p50),
      target: atMost(1.5),
    }),
    row({
      figure: "first chunk, a new connection each time: p50",
      unit: "ms",
      ...compare(fresh.ours, fresh.bare, (record) => record.first_p50),
    }),
    row({
      figure: "whole stream, c=1: p50",
      unit: "ms",
      ...compare(one.ours, one.bare, (record) => record.latency_p50),
    }),
    row({
      figure: "chunks/s, c=16",
      unit: "/s",
      ...compare(sixteen.ours, sixteen.bare, chunks),
      target: atLeast(0.7),
      note: perStream(sixteen.ours),
    }),
    row({
      figure: "CPU a stream, c=16",
      unit: "µs",
      ...compare(sixteen.ours, sixteen.bare, (record) => record.cpu_us),
    }),
    row({
      figure: "model that never pauses: first chunk, c=1",
      unit: "ms",
      ...compare(one.tight, one.bare, (record) => record.first_p50),
    }),
    row({
      figure: "model that never pauses: chunks/s, c=16",
      unit: "/s",
      ...compare(sixteen.tight, sixteen.bare, chunks),
      note: perStream(sixteen.tight),
    }),
  ];
}
