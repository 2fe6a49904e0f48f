import { field, section } from "./fields.ts";
import { seconds, wholeNumber } from "./leaves.ts";

const MOST_REPLICAS = 1000;

export const autoscaling = section(
  {
    min_replicas: field(
      wholeNumber(0, MOST_REPLICAS),
      1,
      "Replicas that always run; 0 lets the model sleep.",
    ),
    max_replicas: field(wholeNumber(1, MOST_REPLICAS), 1, "Most replicas."),
    concurrency_target: field(
      wholeNumber(1, 100_000),
      1,
      "Running and waiting requests a replica is meant for.",
    ),
    scale_down_delay_seconds: field(
      seconds({ zero: true }),
      900,
      "Calm time before replicas are taken away.",
    ),
    window_seconds: field(seconds(), 60, "Time over which load is averaged."),
  },
  "How many replicas run.",
);
