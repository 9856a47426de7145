/** The geometry of a line chart over time, without a page: scales, ticks, paths, and words for who cannot see it. */

/** What the charts reach back. */
export const SPAN_MS = 5 * 60 * 1000;
/** Two samples further apart than this have a gap between them: the server was away, or nobody looked. */
export const GAP_MS = 30 * 1000;

/** The end of a scale: the next of 1, 2, 5, 10, 20, … that holds all values, at least `least`. */
export function niceMax(values, least = 1) {
  const largest = Math.max(least, ...values);
  const power = 10 ** Math.floor(Math.log10(largest));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= largest * 0.999999);
  return step * power;
}

/** Values of one series, as `[at, value]`; what the machine could not tell is null. */
export const pointsOf = (samples, key) => samples.map((sample) => [Date.parse(sample.at), sample[key] ?? null]);

/**
 * The `d` of a path. A value that is missing, or a pause, breaks the line; a point alone is a short dash, so that it is seen.
 *
 * @param {[number, number|null][]} points
 * @param {{ width: number, height: number, from: number, to: number, max: number }} frame
 */
export function path(points, { width, height, from, to, max }) {
  const x = (at) => round(((at - from) / (to - from)) * width);
  const y = (value) => round(height - (Math.min(value, max) / max) * height);
  const parts = [];
  let last = null;
  for (const [at, value] of points) {
    if (value === null || at < from) {
      last = null;
      continue;
    }
    const joins = last !== null && at - last <= GAP_MS;
    parts.push(`${joins ? 'L' : 'M'}${x(at)} ${y(value)}`);
    if (!joins) parts.push('h0.01');
    last = at;
  }
  return parts.join('');
}

const round = (number) => Math.round(number * 100) / 100;

/** The sample that is nearest to a time; null when there is none. */
export function nearest(samples, at) {
  let best = null;
  for (const sample of samples) {
    const distance = Math.abs(Date.parse(sample.at) - at);
    if (best === null || distance < best.distance) best = { sample, distance };
  }
  return best?.sample ?? null;
}

/** What a series says in words: now, and the range of the last minutes. */
export function inWords(samples, { key, label }, format) {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== null && value !== undefined);
  if (values.length === 0) return `${label}: no figures yet`;
  return `${label}: now ${format(values.at(-1))}, between ${format(Math.min(...values))} and ${format(Math.max(...values))}`;
}

/** Keeps what is not too old, in order, each moment once. */
export function remember(samples, sample) {
  const at = Date.parse(sample.at);
  const kept = samples.filter((known) => Date.parse(known.at) < at && at - Date.parse(known.at) <= SPAN_MS);
  return [...kept, sample];
}
