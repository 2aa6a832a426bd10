// The candidate table, with the columns of the trickle-ice page.

// getStats writes an IPv6 address without the brackets that a candidate has.
const bare = (address) => address?.replace(/^\[|\]$/g, '');
const preferences = (priority) => `${priority >>> 24} | ${(priority >>> 8) & 0xffff} | ${256 - (priority & 0xff)}`;

export class CandidateTable {
  #body;
  #rows = []; // {side, address, port, row}

  constructor(table) {
    this.#body = table.tBodies[0];
  }

  clear() {
    this.#body.replaceChildren();
    this.#rows = [];
  }

  // candidate: null when that was the last one of that side.
  add(seconds, side, candidate) {
    const row = this.#body.insertRow();
    const start = [seconds.toFixed(3), side === 'local' ? 'ours' : 'theirs'];
    const cells = candidate === null ? [...start, 'end', ...Array(7).fill('')] : [
      ...start, candidate.type, candidate.foundation,
      candidate.tcpType ? `${candidate.protocol} ${candidate.tcpType}` : candidate.protocol, candidate.address, candidate.port,
      preferences(candidate.priority ?? 0), candidate.url ?? '', candidate.relayProtocol ?? '',
    ];
    for (const cell of cells) row.insertCell().textContent = cell ?? '';
    if (candidate !== null) this.#rows.push({ side, address: bare(candidate.address), port: candidate.port, row });
  }

  // Marks the two ends of the selected pair, where the table has them (a peer-reflexive one nobody has told us).
  select(local, remote) {
    for (const { side, address, port, row } of this.#rows) {
      const end = side === 'local' ? local : remote;
      row.classList.toggle('selected', Boolean(end) && end.port === port && (bare(end.address) ?? address) === address);
    }
  }
}
