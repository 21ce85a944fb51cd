// How long the page's thread was blocked: the sum of all tasks of more than 50 ms.

export function watchThread() {
  const tasks = [];
  const take = (list) => tasks.push(...list.getEntries());
  const observer = new PerformanceObserver(take);
  observer.observe({ type: "longtask" });
  return {
    async blocked(start, end) {
      // They are told of after they have ended.
      await new Promise((resolve) => setTimeout(resolve, 100));
      observer.disconnect();
      return tasks
        .filter(({ startTime, duration }) => startTime + duration > start && startTime < end)
        .reduce((sum, { duration }) => sum + duration, 0);
    },
  };
}
