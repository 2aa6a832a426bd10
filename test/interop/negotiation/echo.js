// Messages of these lengths go over a data channel of whoever created it, and come back, one after another; then it is closed. Runs in page and node.

export const LENGTHS = [1, 1000, 16384, 65536, 262144];

export const byteOf = (length, i) => (length * 7 + i * 31) & 255;
