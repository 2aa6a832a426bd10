// The stamp of docs/media.md, read and drawn again from its description alone: no code is shared with app/media.
//
// Two rows of 40 cells across the width, 80 bits, most significant first, row after row; white is 1:
// frame number (32), milliseconds of the Unix clock modulo 2^32 (32), CRC-16 of those eight bytes (16).
// Runs in the page and in node.

export const COLUMNS = 40;
export const ROWS = 2;

const edge = (index, width) => Math.floor((index * width) / COLUMNS);

export const stampHeight = (width) => edge(ROWS, width);

// Polynomial 0x1021, start 0xFFFF, not reflected, no final xor.
export function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

const bigEndian = (value, bytes) => Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 0xff);

// The 80 cells, row after row, true for white.
export function stampCells({ number, timeMs }) {
  const body = [...bigEndian(number, 4), ...bigEndian(timeMs, 4)];
  const bytes = [...body, ...bigEndian(crc16(body), 2)];
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte & (0x80 >> bit)) !== 0));
}

// The rectangle that a cell covers in a picture of this width.
export function cellRectangle(cell, width) {
  const column = cell % COLUMNS;
  const row = Math.floor(cell / COLUMNS);
  const x = edge(column, width);
  const y = edge(row, width);
  return { x, y, width: edge(column + 1, width) - x, height: edge(row + 1, width) - y };
}

// luma(x, y) gives 16 (black) to 235 (white). Returns {number, timeMs}, or null when there is no stamp that can be trusted.
export function readStamp(luma, width) {
  const bytes = new Array((COLUMNS * ROWS) / 8).fill(0);
  for (let cell = 0; cell < COLUMNS * ROWS; cell++) {
    const r = cellRectangle(cell, width);
    const x0 = r.x + (r.width >> 2), x1 = Math.max(x0 + 1, r.x + r.width - (r.width >> 2));
    const y0 = r.y + (r.height >> 2), y1 = Math.max(y0 + 1, r.y + r.height - (r.height >> 2));
    let sum = 0;
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) sum += luma(x, y);
    const mean = sum / ((x1 - x0) * (y1 - y0));
    if (mean >= 96 && mean < 160) return null;
    if (mean >= 128) bytes[cell >> 3] |= 0x80 >> (cell & 7);
  }
  if (crc16(bytes.slice(0, 8)) !== ((bytes[8] << 8) | bytes[9])) return null;
  const value = (at) => ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  return { number: value(0), timeMs: value(4) };
}
