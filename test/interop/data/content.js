// What a message of the tests holds: its number in the first four bytes, and a pattern of its length. A string has letters, and ends in a check
// mark, which is three bytes of UTF-8. Runs in pages and in node; driver_channels.c, aiortc_data.py and pion/main.go have the same.

const MARK = [0xe2, 0x9c, 0x93], MARKED_BYTES = 7, NUMBER_BYTES = 4, LETTERS = 26, A = 97;

export function bytesOf({ length, number, text }) {
  const bytes = Uint8Array.from({ length }, (_, i) => (length * 7 + i * 31) & 255);
  if (text) bytes.forEach((byte, i) => (bytes[i] = A + (byte % LETTERS)));
  if (length >= NUMBER_BYTES) {
    let rest = number;
    for (let i = NUMBER_BYTES - 1; i >= 0; i--, rest = Math.floor(rest / (text ? LETTERS : 256))) bytes[i] = text ? A + (rest % LETTERS) : rest & 255;
  }
  if (text && length >= MARKED_BYTES) bytes.set(MARK, length - MARK.length);
  return bytes;
}

export function numberIn(bytes, text) {
  if (bytes.length < NUMBER_BYTES) return 0;
  return bytes.slice(0, NUMBER_BYTES).reduce((number, byte) => (text ? number * LETTERS + byte - A : number * 256 + byte), 0);
}

export function isIntact(bytes, text) {
  const wanted = bytesOf({ length: bytes.length, number: numberIn(bytes, text), text });
  return bytes.every((byte, i) => byte === wanted[i]);
}
