// Medians and ranges.

/** `{ median, least, most, values }` of the runs that have this figure; undefined if none has. */
export function spread(runs, figure) {
  const values = runs.map((run) => run[figure]).filter(Number.isFinite).sort((a, b) => a - b);
  if (values.length === 0) return undefined;
  const middle = (values.length - 1) / 2;
  const median = (values[Math.floor(middle)] + values[Math.ceil(middle)]) / 2;
  return { median, least: values[0], most: values.at(-1), values };
}

/** The median of a figure's ratio to another contender's, round by round: what the machine did in a round, it did to both. */
export function ratio(runs, others, figure) {
  const pairs = runs.map((run) => ({ ratio: run[figure] / others.find(({ round }) => round === run.round)?.[figure] }));
  return spread(pairs, "ratio")?.median;
}
