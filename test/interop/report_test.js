// The report: every case has its place, a red one its complaint, and a text without marks is not touched.

import assert from 'node:assert';
import test from 'node:test';
import { cases, nameOf } from './cases.js';
import { report, withReport } from './report.js';

const all = Object.fromEntries(cases.map((c) => [nameOf(c), { complaints: [], version: 'Some/1', date: '2026-01-02' }]));

test('every case is somewhere, once', () => {
  const text = report(cases, nameOf, all, { chromium: '156' });
  assert.match(text, new RegExp(`${cases.length} of ${cases.length} cases played, ${cases.length} green, 0 red; 2026-01-02\\.`));
  const tables = text.split('\n').filter((line) => line.startsWith('|')).join('\n');
  assert.equal(tables.match(/green/g).length, cases.length);
  assert.doesNotMatch(text, /not played|undefined/);
});

test('a red one says why', () => {
  const name = nameOf(cases[0]);
  const text = report(cases, nameOf, { ...all, [name]: { complaints: ['it hurts'], version: 'Some/1', date: '2026-01-03' } }, {});
  assert.match(text, /1 red; 2026-01-02 to 2026-01-03/);
  assert.ok(text.includes(`- ${name} (2026-01-03): it hurts`));
});

test('what was not played is said', () => assert.match(report(cases, nameOf, { [nameOf(cases[1])]: all[nameOf(cases[1])] }, {}), /not played/));

test('only what is between the marks is written', () => {
  const text = 'before\n<!-- written by test/interop/report.js -->\nold\n<!-- until here -->\nafter\n';
  assert.equal(withReport(text, 'new'), text.replace('\nold\n', '\n\nnew\n\n'));
  assert.throws(() => withReport('nothing', 'new'), /marks/);
});
