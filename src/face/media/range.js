/**
 * What a `Range` header asks of `size` bytes (RFC 9110, section 14): `{ start, end, part }`, `end` not among them; nothing where it
 * can't be had. What is not understood, and several ranges, may be answered with the whole.
 */
export function rangeOf(header, size) {
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "") ?? [];
  if (!first && !last) return { start: 0, end: size, part: false };
  const [start, end] = first ? [Number(first), last ? Number(last) + 1 : size] : [Math.max(0, size - Number(last)), size];
  // From behind to before: no range at all.
  if (end <= start && first && last) return { start: 0, end: size, part: false };
  return start < Math.min(end, size) ? { start, end: Math.min(end, size), part: true } : undefined;
}
