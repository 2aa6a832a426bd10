// Messages of these lengths go over a data channel of whoever created it, and come back, one after another; then it is closed. Runs in page and node.

import { bytesOf, isIntact } from '../data/content.js';

export const LENGTHS = [1, 1000, 16384, 65536, 262144];
export const messageOf = (length) => bytesOf({ length, number: 0, text: false });
export { isIntact };
