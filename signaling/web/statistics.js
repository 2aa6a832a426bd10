// What getStats says (W3C webrtc-stats), as rates once a second and as sentences. Keeps two minutes, and everything for the download.

export const SECONDS_KEPT = 120;

const values = (report) => [...report.values()];
const sum = (entries, member) => entries.reduce((total, entry) => total + (entry[member] ?? 0), 0);

export const selectedPair = (report) => {
  const transport = values(report).find((entry) => entry.type === 'transport' && entry.selectedCandidatePairId);
  const pair = transport
    ? report.get(transport.selectedCandidatePairId)
    : values(report).find((entry) => entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded');
  return pair && { pair, local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId), transport };
};

const where = (candidate) => `${candidate.candidateType} ${candidate.address ?? candidate.ip ?? 'a hidden address'}:${candidate.port}`;

// Why this pair and no other, from what became of those with a higher priority.
export function explainPath(report) {
  const selected = selectedPair(report);
  if (!selected?.local || !selected.remote) return 'None yet.';
  const { pair, local, remote } = selected;
  const kind = [local, remote].some((one) => one.candidateType === 'relay') ? 'through a relay' : 'direct';
  const trip = pair.currentRoundTripTime === undefined ? '' : `, ${Math.round(pair.currentRoundTripTime * 1000)} ms there and back`;
  const path = `${kind}: ${where(local)} to ${where(remote)} over ${local.relayProtocol ?? local.protocol}${trip}.`;
  const better = values(report).filter((entry) => entry.type === 'candidate-pair' && entry.id !== pair.id && (entry.priority ?? 0) > (pair.priority ?? 0));
  if (better.length === 0) return `${path} No pair had a higher priority.`;
  const states = Object.entries(Object.groupBy?.(better, (entry) => entry.state) ?? { other: better }).map(([state, list]) => `${list.length} ${state}`);
  return `${path} Pairs with a higher priority: ${states.join(', ')}.`;
}

export class Statistics {
  #last = null;
  points = [];  // of the last SECONDS_KEPT seconds, for the charts
  reports = []; // of the whole call, for the download

  // Takes one report; returns what the last second was like.
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
    if (point) this.points = [...this.points, point].slice(-SECONDS_KEPT);
    return { point, hasMedia: now.packetsIn > 0, isFlowing: Boolean(point) && point.kilobitsIn > 0 };
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
