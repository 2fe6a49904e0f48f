/** What the keys of a watching command do; only a terminal has them. */
export interface WatchActions {
  /** Builds what is there and loads it anew. */
  reload(): void;
  /** Makes the answers of now the expected ones. */
  keepAnswers(): void;
  /** What is to be opened in a browser. */
  url(): string;
}

export interface WatchKeys {
  /** Returns what gives the keyboard back. */
  listen(actions: WatchActions): () => void;
}
