/** Briefs to start from. */

export const EXAMPLES = [
  ['Reading list', 'A reading list: books with title, author, status (to read, reading, done) and rating 1 to 5; search by title, filter by status, sort by rating; count per status'],
  ['Inventory', 'An inventory: items with name, quantity, minimum quantity and price; value is quantity times price; warn when quantity is below minimum quantity; search by name; sort by quantity; total value; export as CSV'],
  ['Habit tracker', 'A habit tracker: habits with name and category (health, work, home); check off each habit once per day; show the streak; filter by category; calm green colours'],
  ['Ticket board', 'A ticket board: tickets with title, description, priority (low, medium, high) and status (open, in progress, done); a ticket goes from open to in progress to done; show a board by status; filter by priority; undo'],
  ['Expense log', 'An expense log: expenses with description, amount, date and category (food, travel, rent, other); amount is required; total amount per category and per month; filter by category; export as CSV'],
];

/** A name for a project whose maker gave none: what stands before the colon, or the first words. */
export function nameOf(brief) {
  const first = brief.trim().split(/\n|[.;](?:\s|$)/u)[0];
  const head = first.includes(':') ? first.slice(0, first.indexOf(':')) : first;
  const words = head.replace(/^(?:an?|the|my|our)\s+/iu, '').trim().split(/\s+/u).filter(Boolean);
  const name = words.slice(0, 6).join(' ').slice(0, 60).replace(/[\s,.:;!?]+$/u, '');
  return name === '' ? 'Untitled project' : name.charAt(0).toUpperCase() + name.slice(1);
}
