import type { TestContext } from "node:test";

/** A template that was scaffolded, installed, built and is being served from its package. */
export interface ServedTemplate {
  /** http://127.0.0.1:PORT */
  url: string;
  projectDir: string;
}

export type TemplateCheck = (t: TestContext, served: ServedTemplate) => Promise<void>;
