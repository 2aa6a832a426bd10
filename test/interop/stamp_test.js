// The stamp, as docs/media.md describes it: drawn and read back, and refused when anything is wrong with it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { COLUMNS, ROWS, cellRectangle, crc16, readStamp, stampCells, stampHeight } from './stamp.js';

// A picture's strip as luma, drawn cell by cell.
function draw(cells, width) {
  const height = stampHeight(width);
  const plane = new Uint8Array(width * height);
  cells.forEach((white, cell) => {
    const r = cellRectangle(cell, width);
    for (let y = r.y; y < r.y + r.height; y++) plane.fill(white ? 235 : 16, y * width + r.x, y * width + r.x + r.width);
  });
  return plane;
}
const read = (plane, width) => readStamp((x, y) => plane[y * width + x], width);

test('crc16 has the check value of its polynomial and start', () => {
  assert.equal(crc16(Buffer.from('123456789')), 0x29b1);
});

test('a stamp comes back at every width', () => {
  for (const width of [160, 161, 320, 333, 640, 1280, 1919]) {
    for (const stamp of [{ number: 0, timeMs: 0 }, { number: 599, timeMs: 0x80000001 }, { number: 0xffffffff, timeMs: 0xffffffff }]) {
      assert.deepEqual(read(draw(stampCells(stamp), width), width), stamp);
    }
  }
});

test('the cells stand where the description says', () => {
  const cells = stampCells({ number: 0x80000001, timeMs: 0xff000001 });
  assert.equal(cells.length, COLUMNS * ROWS);
  assert.ok(cells[0] && cells[31] && !cells[30]); // n31 and n0
  assert.ok(cells.slice(32, 40).every(Boolean)); // t31..t24 end row 0
  assert.ok(cells[40 + 23] && !cells[40 + 22]); // t0 in row 1
  assert.deepEqual(cellRectangle(41, 640), { x: 16, y: 16, width: 16, height: 16 });
});

test('every single wrong cell is refused', () => {
  const cells = stampCells({ number: 1234, timeMs: 567890 });
  for (let wrong = 0; wrong < cells.length; wrong++) {
    assert.equal(read(draw(cells.map((c, i) => (i === wrong ? !c : c)), 640), 640), null);
  }
});

test('black, white and grey are no stamps', () => {
  for (const level of [0, 16, 128, 235, 255]) assert.equal(readStamp(() => level, 640), null);
});
