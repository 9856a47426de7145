// Which lines of a log are hidden when groups are folded.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { LogGroups } from '../../static/js/pages/project/log_groups.js';
import { Rows } from '../../static/js/pages/project/log_rows.js';

/** Lines from a sketch: one word a line, `(` begins a group, `)` ends one, a letter before it is another agent. */
function lines(sketch, first = 1) {
  return sketch.split(' ').map((word, at) => {
    const agent = word.length > 1 ? word[0] : 'a';
    const what = word.at(-1);
    return { n: first + at, agent, text: what === '(' ? `::group::Group ${first + at}` : what === ')' ? '::endgroup::' : `line ${first + at}` };
  });
}

function of(...parts) {
  const groups = new LogGroups();
  for (const part of parts) for (const line of part) groups.add(line);
  return groups;
}

/** Numbers of the lines in sight when these groups are toggled. */
function inSight(groups, ...toggled) {
  toggled.forEach((n) => groups.toggle(n));
  const rows = new Rows(groups.total, groups.ranges);
  return Array.from({ length: rows.count }, (_, row) => rows.lineAt(row)).join(' ');
}

/** The same the slow way, when every line is here. */
function plainly(whole, isFolded) {
  const open = { a: [], b: [] };
  const shown = [];
  for (const { n, agent, text } of whole) {
    if (!open[agent].some(isFolded)) shown.push(n);
    if (text.startsWith('::group::')) open[agent].push(n);
    if (text === '::endgroup::') open[agent].pop();
  }
  return shown.join(' ');
}

describe('groups', () => {
  test('fold what is between, nested ones too', () => {
    const sketch = '. ( . ( . ) . ) .';
    assert.equal(inSight(of(lines(sketch))), '1 2 3 4 5 6 7 8 9');
    assert.equal(inSight(of(lines(sketch)), 2), '1 2 9');
    assert.equal(inSight(of(lines(sketch)), 4), '1 2 3 4 7 8 9');
    assert.equal(inSight(of(lines(sketch)), 4, 2), '1 2 9');
    assert.equal(inSight(of(lines(sketch)), 4, 2, 2), '1 2 3 4 7 8 9', 'the inner one is as it was');
    const groups = of(lines(sketch));
    assert.deepEqual(groups.roleOf(lines(sketch)[1]), { kind: 'begin', title: 'Group 2', depth: 0, folded: false, lines: 5 });
    assert.equal(groups.roleOf(lines(sketch)[3]).depth, 1);
    assert.deepEqual(groups.roleOf(lines(sketch)[5]), { kind: 'end', depth: 2 });
    assert.deepEqual(lines(sketch).map((line) => groups.roleOf(line).depth), [0, 0, 1, 1, 2, 2, 1, 1, 0]);
  });

  test('are those of their agent', () => {
    assert.equal(inSight(of(lines('( . b. b( b. ) b) .')), 1), '1 3 4 5 7 8');
    assert.equal(inSight(of(lines('( . b. b( b. ) b) .')), 4), '1 2 3 4 6 8');
    assert.equal(inSight(of(lines('( . b. b( b. ) b) .')), 1, 4), '1 3 4 8');
  });

  test('that are open fold all that comes', () => {
    const groups = of(lines('. ( .'));
    assert.equal(inSight(groups, 2), '1 2');
    for (const line of lines('. b. ) .', 4)) groups.add(line);
    assert.equal(inSight(groups), '1 2 5 7');
    assert.equal(groups.roleOf(lines('(', 2)[0]).lines, 3);
  });

  test('an end of no group and text that only looks like a mark do nothing', () => {
    assert.equal(inSight(of(lines('. ) . ( . )')), 4), '1 2 3 4');
    const groups = of([{ n: 1, agent: 'a', text: '\u001b[m::group::only text' }, { n: 2, agent: 'a', text: 'x' }]);
    assert.equal(inSight(groups, 1), '1 2');
  });

  test('with a hole in them are not guessed, in whatever order lines come', () => {
    const whole = lines('( . . ( . ) . ) . ( . )');
    // The tail first, then the begin: the end at line 8 might be of a group within the hole.
    const groups = of(whole.slice(6), whole.slice(0, 2));
    groups.toggle(1);
    assert.deepEqual(groups.unknown, { n: 1, from: 3 });
    assert.equal(inSight(groups), '1 2 3 4 5 6 7 8 9 10 11 12');
    // Somebody looked: of lines 3 to 6 only marks are known.
    groups.found(whole.slice(2, 6).filter(({ text }) => text.includes('group::')), 3, 6);
    assert.deepEqual([groups.roleOf(whole[1]).depth, groups.roleOf(whole[6]).depth, groups.roleOf(whole[8]).depth], [1, 1, 0]);
    assert.equal(groups.unknown, null);
    assert.equal(inSight(groups), '1 9 10 11 12');
    for (const seed of [1, 2, 3, 4, 5]) {
      const mixed = [...whole].sort((one, other) => ((one.n * 7919 * seed) % 13) - ((other.n * 7919 * seed) % 13));
      assert.equal(inSight(of(mixed), 1, 10), '1 9 10', `order ${mixed.map(({ n }) => n)}`);
    }
  });

  test('a folded group that grows stays folded over what was skipped', () => {
    const groups = of(lines('( .'));
    groups.toggle(1);
    assert.equal(inSight(groups), '1');
    groups.reach(100);
    for (const line of lines('. .', 101)) groups.add(line);
    assert.equal(inSight(groups), '1');
    assert.deepEqual(groups.unknown, { n: 1, from: 3 });
    groups.found(lines(')', 50), 3, 100);
    assert.equal(inSight(groups).split(' ').slice(0, 3).join(' '), '1 51 52');
  });

  test('hide the same, however lines came and whatever was folded meanwhile', () => {
    let seed = 7;
    const random = (below) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    for (let round = 0; round < 400; round += 1) {
      const whole = lines(Array.from({ length: 5 + random(40) }, () => ['.', '(', ')', '.', 'b.', 'b(', 'b)'][random(7)]).join(' '));
      // In order, as a live log comes, or in pieces from anywhere.
      const pieces = [];
      for (let at = 0; at < whole.length;) {
        const size = 1 + random(6);
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      if (round % 2) pieces.sort(() => random(3) - 1);
      const groups = new LogGroups();
      if (round % 5 === 0) groups.foldAll(true);
      for (const piece of pieces) {
        if (random(4) === 0) groups.reach(Math.min(whole.length, groups.total + random(4)));
        if (random(3)) piece.forEach((line) => groups.add(line));
        else {
          groups.found(piece.filter(({ text }) => text.includes('group::')), piece[0].n, piece.at(-1).n);
          piece.forEach((line) => groups.add(line));
        }
        const known = [...groups.groups.keys()];
        if (known.length > 0 && random(2)) groups.toggle(known[random(known.length)]);
        assert.ok(groups.ranges.every(({ from, to }, at, all) => from <= to && (at === 0 || from > all[at - 1].to + 1)));
      }
      groups.reach(whole.length);
      assert.equal(inSight(groups), plainly(whole, (n) => groups.isFolded(n)), `round ${round}`);
    }
  });

  test('all fold at once, those to come too, and one can be opened', () => {
    const groups = of(lines('( . ) ( . ) .'));
    groups.foldAll(true);
    assert.equal(inSight(groups), '1 4 7');
    for (const line of lines('( .', 8)) groups.add(line);
    assert.equal(inSight(groups, 4), '1 4 5 6 7 8');
    const again = of(lines('( . ) ( . ) . ( .'));
    again.keep(JSON.parse(JSON.stringify(groups.kept)));
    assert.equal(inSight(again), '1 4 5 6 7 8');
    again.keep({ all: 'yes', toggled: ['x', 1.5, null] });
    assert.deepEqual(again.kept, { all: false, toggled: [] });
  });

  test('a line that somebody goes to opens what hides it, and nothing else', () => {
    const groups = of(lines('( . ( . ) . ) ( . )'));
    groups.foldAll(true);
    groups.open(4);
    assert.equal(inSight(groups), '1 2 3 4 5 6 7 8');
    groups.foldAll(true);
    groups.open(2);
    assert.equal(inSight(groups), '1 2 3 6 7 8');
  });
});

describe('rows', () => {
  test('and lines find each other', () => {
    const rows = new Rows(20, [{ from: 2, to: 4 }, { from: 10, to: 10 }, { from: 18, to: 20 }]);
    const shown = Array.from({ length: rows.count }, (_, row) => rows.lineAt(row));
    assert.deepEqual(shown, [1, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17]);
    shown.forEach((line, row) => assert.equal(rows.rowOf(line), row));
    for (const [line, row] of [[2, 0], [4, 0], [10, 5], [19, 12]]) assert.equal(rows.rowOf(line), row, `line ${line}`);
    assert.deepEqual(rows.linesOf(0, 8), [{ from: 1, to: 1 }, { from: 5, to: 9 }, { from: 11, to: 12 }]);
    assert.deepEqual(rows.linesOf(11, 99), [{ from: 16, to: 17 }]);
    assert.equal(new Rows(0, []).count, 0);
    assert.equal(new Rows(3, [{ from: 1, to: 3 }]).rowOf(2), 0);
  });

  test('of a million lines in a hundred thousand groups are read at once', () => {
    const groups = new LogGroups();
    for (let n = 1; n <= 1000000; n += 1) {
      groups.add({ n, agent: 'a', text: n % 10 === 1 ? '::group::x' : n % 10 === 0 ? '::endgroup::' : 'x' });
    }
    groups.foldAll(true);
    const rows = new Rows(groups.total, groups.ranges);
    assert.equal(rows.count, 100000);
    assert.equal(rows.lineAt(99999), 999991);
    assert.equal(rows.rowOf(500005), 50000);
  });
});
