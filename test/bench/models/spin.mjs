/** 5 ms of CPU time of this process; time taken away by the machine's other users does not count. */
export function spin() {
  const limit = usedMicroseconds() + 5000;
  let steps = 0;
  while (usedMicroseconds() < limit) steps += 1;
  return steps;
}

function usedMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
