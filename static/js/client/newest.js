/** Questions of which only the newest counts: an answer that comes after a newer question was asked is nobody's. */
export class Newest {
  constructor() {
    this.asked = 0;
  }

  /** Whatever was asked before is not wanted any more. */
  forget() {
    this.asked += 1;
  }

  /**
   * Asks; answers what was answered, or undefined when something newer was asked meanwhile. A question that fails then
   * fails unheard.
   *
   * @template T
   * @param {() => Promise<T>} ask
   * @returns {Promise<T | undefined>}
   */
  async ask(ask) {
    this.asked += 1;
    const turn = this.asked;
    try {
      const answer = await ask();
      return turn === this.asked ? answer : undefined;
    } catch (problem) {
      if (turn === this.asked) throw problem;
      return undefined;
    }
  }
}
