/** Clients that ask without a pause until they are stopped; what went wrong is kept. */
export function constantClients(
  ask: () => Promise<Response>,
  { count = 3, pauseMs = 5 }: { count?: number; pauseMs?: number } = {},
): { stop(): Promise<{ asked: number; failures: string[] }> } {
  const state = { stopped: false };
  let asked = 0;
  const failures: string[] = [];
  const client = async (): Promise<void> => {
    while (!state.stopped) {
      try {
        const response = await ask();
        const text = await response.text();
        if (response.status !== 200) failures.push(`${response.status} ${text}`);
      } catch (error) {
        failures.push(String((error as Error).cause ?? error));
      }
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const clients = Array.from({ length: count }, client);
  return {
    async stop() {
      state.stopped = true;
      await Promise.all(clients);
      return { asked, failures };
    },
  };
}
