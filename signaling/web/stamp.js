// The stamp of docs/media.md: the number and the time of a picture, burnt into its top as two rows of 40 black and white cells. `caller` and `callee`
// read it, so that a picture drawn here tells them what was lost on its way and how old it is.

const COLUMNS = 40;

// CRC-16, polynomial 0x1021, start 0xFFFF.
function crc16(bytes) {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

export function drawStamp(context, width, number) {
  const body = new DataView(new ArrayBuffer(10));
  body.setUint32(0, number);
  body.setUint32(4, Date.now() % 2 ** 32);
  body.setUint16(8, crc16(new Uint8Array(body.buffer, 0, 8)));
  const edge = (index) => Math.floor((index * width) / COLUMNS);
  for (let cell = 0; cell < 2 * COLUMNS; cell++) {
    const column = cell % COLUMNS, row = Math.floor(cell / COLUMNS);
    context.fillStyle = body.getUint8(cell >> 3) & (0x80 >> (cell & 7)) ? '#fff' : '#000';
    context.fillRect(edge(column), edge(row), edge(column + 1) - edge(column), edge(row + 1) - edge(row));
  }
}
