/** The result of a run as its files tell it, read once for everything that shows it. */

import { readResult } from '../../client/report.js';

const FILES = ['requirements.json', 'brief.json', 'report.json'];

export class ResultFiles {
  constructor(files) {
    this.files = files;
    this.read = { stamp: null, result: null };
  }

  /** Another stamp means another result. */
  get stamp() {
    return FILES.map((path) => this.files.get(path)?.sha256 ?? '-').join(' ');
  }

  /** Null while there are no requirements; rejected when they cannot be read. */
  load() {
    const { stamp } = this;
    if (this.read.stamp !== stamp) {
      this.read = { stamp, result: this.fetch() };
      // What could not be read is tried again by the next who asks.
      this.read.result.catch(() => {
        if (this.read.stamp === stamp) this.read.stamp = null;
      });
    }
    return this.read.result;
  }

  async fetch() {
    const [requirements, brief, report] = await Promise.all(FILES.map(async (path) => {
      const file = this.files.get(path);
      if (!file) return null;
      const response = await fetch(file.url, { cache: 'no-cache' });
      if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
      return response.json();
    }));
    return requirements && readResult(requirements, brief, report);
  }
}
