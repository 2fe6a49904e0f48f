/** So many microseconds of CPU time of this process, 5 ms by default; time taken away by the machine's other users does not count. */
export function spin(microseconds = 5000) {
  const limit = usedMicroseconds() + microseconds;
  let steps = 0;
  while (usedMicroseconds() < limit) steps += 1;
  return steps;
}

function usedMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
