/** The alerts of a server as they stand, without a page. */

/** Alerts that are over and still shown. */
const CLEARED_MAX = 20;

/**
 * The alerts after some news of one.
 *
 * News come over two ways, the socket and the answer to who takes notice, so an acknowledgement may come after the end of
 * its alert: it says who took notice, and never puts an alert back that is over.
 *
 * @param {{ active: object[], cleared: object[] }} alerts the newest first
 * @param {{ state: 'raised'|'acknowledged'|'cleared', alert: object }} news
 */
export function alertsAfter({ active, cleared }, { state, alert }) {
  const others = (list) => list.filter(({ id }) => id !== alert.id);
  switch (state) {
    case 'cleared':
      return { active: others(active), cleared: [alert, ...others(cleared)].slice(0, CLEARED_MAX) };
    case 'acknowledged': {
      const signed = (list) => list.map((known) => (known.id === alert.id ? { ...known, acknowledged: alert.acknowledged } : known));
      return { active: signed(active), cleared: signed(cleared) };
    }
    default:
      if (cleared.some(({ id }) => id === alert.id)) return { active, cleared };
      return { active: [alert, ...others(active)].sort((a, b) => b.id - a.id), cleared };
  }
}
