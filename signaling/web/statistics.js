// What getStats says (W3C webrtc-stats), as rates once a second and as sentences. Two minutes are kept for
// the charts, a quarter of an hour for the download.

export const SECONDS_KEPT = 120;
const REPORTS_KEPT = 900; // of a second each: what a person may want to send to somebody, and what a browser can hold

const values = (report) => [...report.values()];
const sum = (entries, member) => entries.reduce((total, entry) => total + (entry[member] ?? 0), 0);

export const selectedPair = (report) => {
  const transport = values(report).find((entry) => entry.type === 'transport' && entry.selectedCandidatePairId);
  const pair = transport
    ? report.get(transport.selectedCandidatePairId)
    : values(report).find((entry) => entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded');
  return pair && { pair, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId), transport };
};

const bracketed = (address) => (address.includes(':') ? `[${address}]` : address);
const where = (candidate) => `${candidate.candidateType} ${bracketed(candidate.address ?? candidate.ip ?? 'a hidden address')}:${candidate.port}`;

const WHAT_BECAME = {
  succeeded: (n) => `${n} worked too, and the side that nominates chose this one`,
  failed: (n) => `${n} got no answer`,
  'in-progress': (n) => `${n} still being checked`,
  waiting: (n) => `${n} not checked`,
  frozen: (n) => `${n} not checked`,
};

// Why this pair and no other, from what became of those with a higher priority.
export function explainPath(report) {
  const selected = selectedPair(report);
  if (!selected?.local || !selected.remote) return 'None yet.';
  const { pair, local, remote, transport } = selected;
  const kind = [local, remote].some((one) => one.candidateType === 'relay') ? 'Through a relay' : 'Direct';
  const trip = pair.currentRoundTripTime === undefined ? '' : `, ${Math.round(pair.currentRoundTripTime * 1000)} ms there and back`;
  const path = `${kind}: ${where(local)} to ${where(remote)} over ${local.relayProtocol ?? local.protocol}${trip}.`;
  const who = { controlling: ' We nominate.', controlled: ' The other side nominates.' }[transport?.iceRole] ?? '';
  const better = values(report).filter((entry) => entry.type === 'candidate-pair' && entry.id !== pair.id && (entry.priority ?? 0) > (pair.priority ?? 0));
  const counts = Object.entries(WHAT_BECAME).map(([state, words]) => [better.filter((entry) => entry.state === state).length, words]);
  const became = counts.filter(([count]) => count > 0).map(([count, words]) => words(count));
  return `${path}${who} ${became.length > 0 ? `Of the pairs with a higher priority ${became.join(', ')}.` : 'No pair has a higher priority.'}`;
}

export class Statistics {
  #last = null;
  points = [];  // for the charts, oldest first
  reports = []; // for the download, as getStats gave them

  // Takes one report; returns the state of the media: new, flowing or stopped.
  take(report) {
    const entries = values(report);
    const inbound = entries.filter((entry) => entry.type === 'inbound-rtp');
    const outbound = entries.filter((entry) => entry.type === 'outbound-rtp');
    const now = {
      time: performance.now(),
      bytesIn: sum(inbound, 'bytesReceived'), bytesOut: sum(outbound, 'bytesSent'),
      packetsIn: sum(inbound, 'packetsReceived'), lostIn: sum(inbound, 'packetsLost'),
      framesIn: sum(inbound.filter((entry) => entry.kind === 'video'), 'framesDecoded'), framesOut: sum(outbound, 'framesEncoded'),
    };
    const point = this.#last ? this.#rates(this.#last, now, report) : null;
    this.#last = now;
    this.reports.push({ time: new Date().toISOString(), stats: Object.fromEntries(report) });
    if (this.reports.length > REPORTS_KEPT) this.reports.shift();
    if (point) this.points = [...this.points, point].slice(-SECONDS_KEPT);
    if (now.packetsIn === 0) return 'new';
    return point && point.kilobitsIn === 0 ? 'stopped' : 'flowing';
  }

  #rates(before, now, report) {
    const seconds = (now.time - before.time) / 1000;
    const rate = (member) => Math.max(0, now[member] - before[member]) / seconds;
    const expected = rate('packetsIn') + rate('lostIn');
    return {
      kilobitsIn: rate('bytesIn') * 0.008, kilobitsOut: rate('bytesOut') * 0.008,
      lossPercent: expected > 0 ? (100 * rate('lostIn')) / expected : 0,
      roundTripMs: 1000 * (selectedPair(report)?.pair.currentRoundTripTime ?? 0),
      framesIn: rate('framesIn'), framesOut: rate('framesOut'),
    };
  }
}
