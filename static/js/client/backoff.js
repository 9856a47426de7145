/**
 * How long to wait before the next try: full jitter, so that clients which lost one server do not all come back at
 * the same moment.
 */

export const BASE_MS = 2000;
export const FACTOR = 1.5;
export const CAP_MS = 30000;
/** Tries that are made even while nobody looks at the page. */
export const HIDDEN_TRIES_MAX = 5;

/**
 * @param {number} failures tries that failed so far, 0 before the first retry
 * @param {() => number} random a number from 0 up to but not including 1
 * @returns {number} milliseconds, between 0 and the ceiling of this retry
 */
export function retryDelay(failures, random) {
  return Math.floor(random() * retryCeiling(failures));
}

/** The longest wait before a retry. */
export function retryCeiling(failures) {
  return Math.min(CAP_MS, BASE_MS * FACTOR ** failures);
}
