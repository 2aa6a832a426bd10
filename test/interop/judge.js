// What must be true of a case, judged from the counters of both sides and from what both saw and heard. Pure: measurements in,
// complaints out. The bounds leave room for a busy machine of two cores, not for anything that is broken.

export const OUR_TONE_HZ = 440, PEER_TONE_HZ = 700;

// flow: both sides send what is theirs, unless it is 'echo' (what comes to us is our own) or 'to-us' (nothing goes to the peer).
export const toneToUs = (flow) => (flow === 'echo' ? OUR_TONE_HZ : PEER_TONE_HZ);

const CODECS = { audio: 'opus', video: 'VP8' }; // unless the case names others
export const FRAMES_PER_SECOND = 10; // of 30: decoded, and read back by their numbers
export const AUDIO_PACKETS_PER_SECOND = 40; // of 50
const LOSS_SHARE = 0.02; // nothing on these networks loses packets
const CONCEALED_SHARE = 0.2;
const TONE_SHARE = 0.6;
const DELAY_MS = 2000;
const ECHO_ROOM_MS = 2000;

// Of those that are numbers; NaN when none is.
export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[sorted.length >> 1];
}

// W3C statistics, by type and kind. The peer is a browser, or something that speaks its dictionaries.
export function readStats(stats) {
  const byId = new Map(stats.map((s) => [s.id, s]));
  const one = (type, kind) => stats.find((s) => s.type === type && s.kind === kind);
  const transport = stats.find((s) => s.type === 'transport') ?? {};
  const pair = byId.get(transport.selectedCandidatePairId) ?? stats.find((s) => s.type === 'candidate-pair' && s.nominated) ?? {};
  const codec = (s) => byId.get(s?.codecId)?.mimeType;
  return { one, codec, transport, local: byId.get(pair.localCandidateId), remote: byId.get(pair.remoteCandidateId) };
}

// Numbers that never go back and are not mostly missing. `seconds` is how long pictures came.
export function judgeStamps(who, stamps, frames, seconds) {
  const complaints = [];
  const numbers = stamps.map((s) => s.number);
  const fresh = numbers.filter((n, i) => i === 0 || n !== numbers[i - 1]);
  const back = fresh.findIndex((n, i) => i > 0 && n < fresh[i - 1]);
  if (stamps.length < 0.9 * frames) complaints.push(`${who}: the stamp was readable in only ${stamps.length} of ${frames} pictures`);
  if (fresh.length < FRAMES_PER_SECOND * seconds) complaints.push(`${who}: only ${fresh.length} different frame numbers in ${seconds} s`);
  if (back > 0) complaints.push(`${who}: frame number ${fresh[back]} after ${fresh[back - 1]}`);
  return complaints;
}

// ---- our side: the summary of --json ---------------------------------------------------------------------------------------

function judgeOurs(kind, ours, { seconds, lossless, codecs = CODECS, flow }) {
  const complaints = [];
  const say = (what) => complaints.push(`ours, ${kind}: ${what}`);
  const inbound = ours.summary.inbound?.find((s) => s.kind === kind);
  const outbound = ours.summary.outbound?.find((s) => s.kind === kind);
  const codec = codecs[kind];
  const sends = flow !== 'to-us';
  for (const [name, s] of [['inbound', inbound], ...(sends ? [['outbound', outbound]] : [])]) {
    if (!s) say(`no ${name} entry in the summary`);
    else if (String(s.codec).toLowerCase() !== codec.toLowerCase()) say(`${name} codec is ${s.codec}`);
  }
  if (!inbound || (sends && !outbound)) return complaints;
  if (lossless && inbound.packetsLost > LOSS_SHARE * (inbound.packetsReceived + inbound.packetsLost)) {
    say(`lost ${inbound.packetsLost}, received ${inbound.packetsReceived}`);
  }
  if (kind === 'audio') {
    if (inbound.packetsReceived < AUDIO_PACKETS_PER_SECOND * seconds) say(`received ${inbound.packetsReceived} packets in ${seconds} s`);
    if (sends && outbound.packetsSent < AUDIO_PACKETS_PER_SECOND * seconds) say(`sent ${outbound.packetsSent} packets in ${seconds} s`);
  } else {
    if (!(inbound.framesDecoded >= FRAMES_PER_SECOND * seconds)) say(`decoded ${inbound.framesDecoded} frames in ${seconds} s`);
    if (!(inbound.keyFramesDecoded >= 1)) say('decoded no key frame');
    if (sends && !(outbound.framesEncoded >= FRAMES_PER_SECOND * seconds)) say(`encoded ${outbound.framesEncoded} frames in ${seconds} s`);
  }
  return complaints;
}

// ---- the peer's side: getStats(), the canvas, the analyser -------------------------------------------------------------------

// What it made of our sound, and of our picture.
function judgeHeard({ share, peaksHz }) {
  if (share !== undefined) return share < TONE_SHARE ? [`${Math.round(100 * share)} % of the sound that it heard is the tone of ${OUR_TONE_HZ} Hz`] : [];
  const heard = median(peaksHz ?? []);
  return Math.abs(heard - OUR_TONE_HZ) < 12 ? [] : [`heard ${Number.isNaN(heard) ? 'silence' : `${heard.toFixed(0)} Hz`}, not ${OUR_TONE_HZ} Hz`];
}

function judgeSeen(say, inbound, peer, has, seconds) {
  const decoded = inbound.framesDecoded ?? peer.picture.frames;
  if (!(decoded >= FRAMES_PER_SECOND * seconds)) say(`decoded ${decoded} frames in ${seconds} s`);
  const delay = median(peer.picture.stamps.map((s) => s.delayMs));
  if (has('age') && !(delay > -5 && delay < DELAY_MS)) say(`pictures are ${delay} ms old`);
  return judgeStamps('peer, canvas', peer.picture.stamps, peer.picture.frames, seconds);
}

function judgePeerInbound(kind, inbound, peer, has, say, { seconds, lossless }) {
  if (lossless && inbound.packetsLost > LOSS_SHARE * (inbound.packetsReceived + inbound.packetsLost)) {
    say(`lost ${inbound.packetsLost}, received ${inbound.packetsReceived}`);
  }
  const fewest = (kind === 'audio' ? AUDIO_PACKETS_PER_SECOND : FRAMES_PER_SECOND) * seconds;
  if (inbound.packetsReceived < fewest) say(`received ${inbound.packetsReceived} packets in ${seconds} s`);
  if (!has('content')) return [];
  if (kind === 'video') return judgeSeen(say, inbound, peer, has, seconds);
  if (lossless && inbound.concealedSamples > CONCEALED_SHARE * inbound.totalSamplesReceived) {
    say(`concealed ${Math.round((100 * inbound.concealedSamples) / inbound.totalSamplesReceived)} % of the samples`);
  }
  judgeHeard(peer.sound).forEach(say);
  return [];
}

function judgePeer(kind, peer, ours, test) {
  const complaints = [];
  const say = (what) => complaints.push(`peer, ${kind}: ${what}`);
  const { one, codec } = readStats(peer.stats);
  const streams = { inbound: one('inbound-rtp', kind), outbound: one('outbound-rtp', kind) }, { inbound, outbound } = streams;
  const has = (what) => !peer.lacks?.includes(what);
  const mime = `${kind}/${(test.codecs ?? CODECS)[kind]}`.toLowerCase(); // RFC 4855 section 3: in whatever case
  const absent = Object.keys(streams).find((name) => !streams[name] && has(name));
  if (absent) return [`peer, ${kind}: no ${absent}-rtp statistics`];
  for (const [name, s] of Object.entries(streams)) if (s && codec(s)?.toLowerCase() !== mime) say(`${name} codec is ${codec(s)}`);
  // RFC 3550 section 6: both sides report. These exist only when RTCP arrived and named the right streams.
  if (has('reports') && !one('remote-outbound-rtp', kind)) say('no sender report of ours arrived');
  if (has('reports') && !one('remote-inbound-rtp', kind)) say('no reception report of ours arrived');
  if (inbound) complaints.push(...judgePeerInbound(kind, inbound, peer, has, say, test));
  // What one side counts as received, the other has sent.
  const sent = ours.summary.outbound?.find((s) => s.kind === kind)?.packetsSent;
  if (inbound?.packetsReceived > sent) say(`received ${inbound.packetsReceived} packets of the ${sent} that we sent`);
  const arrived = ours.summary.inbound?.find((s) => s.kind === kind)?.packetsReceived;
  if (test.lossless && outbound && arrived < 0.9 * outbound.packetsSent) say(`sent ${outbound.packetsSent} packets, of which we count ${arrived}`);
  return complaints;
}

// What comes back from an echo is what we sent in this call: numbers of ours, burnt in while it ran (some room at both ends of its reports).
function judgeEcho(stamps, { summary, reports }) {
  const encoded = summary.outbound.find((s) => s.kind === 'video')?.framesEncoded;
  const times = reports.flat().map((s) => s.timestamp).filter(Number.isFinite);
  const since = (Math.min(...times) - ECHO_ROOM_MS) % 2 ** 32, until = (Math.max(...times) + ECHO_ROOM_MS) % 2 ** 32;
  const foreign = stamps.find((s) => s.number > encoded || !(s.timeMs >= since && s.timeMs <= until));
  return foreign ? [`our recording: picture ${foreign.number} of ${foreign.timeMs} ms is none that we sent between ${since} and ${until} ms`] : [];
}

function judgeRecording(kind, recording, ours, { seconds, flow }) {
  if (recording[kind].error) return [`our recording, ${kind}: ${recording[kind].error}`];
  if (kind === 'video') {
    const { stamps, frames } = recording.video;
    return [...judgeStamps('our recording', stamps, frames, seconds), ...(flow === 'echo' ? judgeEcho(stamps, ours) : [])];
  }
  const { seconds: length, share } = recording.audio;
  const complaints = [];
  if (length < 0.8 * seconds) complaints.push(`our recording: ${length.toFixed(1)} s of sound in ${seconds} s`);
  if (share < TONE_SHARE) complaints.push(`our recording: ${Math.round(100 * share)} % of the sound is the tone of ${toneToUs(flow)} Hz`);
  return complaints;
}

// ---- the path --------------------------------------------------------------------------------------------------------------

function judgeHidden(who, candidates) {
  const shown = candidates.find((c) => !/ [0-9a-f-]{36}\.local \d+ typ host/.test(c));
  if (candidates.length === 0) return [`${who}: no candidates`];
  return shown ? [`${who}: a candidate that is no host without an address: ${shown}`] : [];
}

// path: { local, remote }, types that our selected pair may have; relayProtocol, of our relay; relayed: one end of it is a relay, whichever;
// peerSees, the address that the peer sends to; peerHidden, oursHidden: all candidates are hosts with names under .local.
function judgePath(path, pair, peer) {
  const complaints = [];
  const { local, remote } = pair;
  if (path.local && !path.local.includes(local.candidateType)) {
    complaints.push(`ours: the selected local candidate is ${local.candidateType}, not ${path.local.join(' or ')}`);
  }
  if (path.remote && !path.remote.includes(remote.candidateType)) {
    complaints.push(`ours: the selected remote candidate is ${remote.candidateType}, not ${path.remote.join(' or ')}`);
  }
  if (path.relayProtocol && local.relayProtocol !== path.relayProtocol) {
    complaints.push(`ours: the relay is spoken to over ${local.relayProtocol}, not ${path.relayProtocol}`);
  }
  if (path.relayed && ![local.candidateType, remote.candidateType].includes('relay')) {
    complaints.push(`ours: no end of the pair is a relay: ${local.candidateType}, ${remote.candidateType}`);
  }
  const address = readStats(peer.stats).remote?.address;
  if (path.peerSees && !peer.lacks?.includes('path') && address !== path.peerSees) complaints.push(`peer: it sends to ${address}, not to ${path.peerSees}`);
  if (path.peerHidden) complaints.push(...judgeHidden('peer', peer.seen.localCandidates));
  if (path.oursHidden) complaints.push(...judgeHidden('ours', peer.seen.remoteCandidates));
  return complaints;
}

// ---- after an event ----------------------------------------------------------------------------------------------------------

// The longest time without a moment, in milliseconds, from `since` to `until`.
export function longestPause(moments, since, until) {
  const inside = moments.filter((m) => m > since && m < until).sort((a, b) => a - b);
  return [...inside, until].reduce(({ last, pause }, m) => ({ last: m, pause: Math.max(pause, m - last) }), { last: since, pause: 0 }).pause;
}

const arrivals = (stamps) => stamps.map((s) => s.timeMs + s.delayMs);
const departures = (stamps) => stamps.map((s) => s.timeMs);

// How many packets our reports counted between two times, and how many seconds were between those reports.
function ourPackets(reports, kind, since, until) {
  const points = reports.flatMap((report) => report.filter((s) => s.type === 'inbound-rtp' && s.kind === kind))
    .filter((s) => s.timestamp >= since && s.timestamp <= until);
  return points.length < 2 ? { packets: 0, seconds: 0 }
    : { packets: points.at(-1).packetsReceived - points[0].packetsReceived, seconds: (points.at(-1).timestamp - points[0].timestamp) / 1000 };
}

// window: { sinceMs, untilMs, peer, before, path }: from when to when media must flow, what the peer had measured at its begin, and which
// generation of ICE there was before the event and at the end.
function judgeWindow({ media, restarts, pauseMs, pauseToUsMs, pauseBeyondUsualMs }, window, { ours, peer, recording }) {
  const complaints = [];
  const seconds = (window.untilMs - window.sinceMs) / 1000;
  const since = window.sinceMs % 2 ** 32, until = window.untilMs % 2 ** 32; // as stamps count
  for (const what of restarts ? ['local', 'remote', 'pair'] : []) {
    if (window.path[what] === window.before[what]) complaints.push(`after the event: the same ${what === 'pair' ? 'pair' : `${what} ufrag`} as before, ${window.path[what]}`);
  }
  if (media.includes('video')) {
    const moments = { 'the peer': arrivals(peer.picture.stamps), us: recording ? departures(recording.video.stamps) : [] };
    for (const [whom, times] of Object.entries(moments).filter(([, all]) => all.length > 0)) {
      const usual = longestPause(times, times[0] + 1000, since); // the first second is the beginning's
      const longest = longestPause(times, since, until);
      const limit = (whom === 'us' ? pauseToUsMs : null) ?? pauseMs ?? usual + pauseBeyondUsualMs;
      if (longest > limit) complaints.push(`after the event: no picture to ${whom} for ${longest} ms${pauseMs ? '' : ` (before it ${usual} ms)`}`);
    }
  }
  if (media.includes('audio')) {
    const toPeer = readStats(peer.stats).one('inbound-rtp', 'audio').packetsReceived - readStats(window.peer.stats).one('inbound-rtp', 'audio').packetsReceived;
    const toUs = ourPackets(ours.reports, 'audio', window.sinceMs, window.untilMs);
    if (toPeer < AUDIO_PACKETS_PER_SECOND * seconds) complaints.push(`after the event: ${toPeer} audio packets to the peer in ${seconds.toFixed(1)} s`);
    if (toUs.seconds === 0 || toUs.packets < AUDIO_PACKETS_PER_SECOND * toUs.seconds) {
      complaints.push(`after the event: ${toUs.packets} audio packets to us in ${toUs.seconds.toFixed(1)} s`);
    }
  }
  return complaints;
}

// test: { media, path, seconds, flow } and what events.js says of its event; ours: { exitCode, summary, reports }; peer: what page.js measures; recording: { audio, video },
// null if not made; exitCode: what ours must be, if not 0; window: null if nothing happened in mid-call.
export function judge(test, { ours, peer, recording, window }) {
  if (!ours.summary) return [`ours: no summary line (exit code ${ours.exitCode})`];
  const complaints = [];
  const { failure } = ours.summary;
  if (ours.exitCode !== (test.exitCode ?? 0)) complaints.push(`ours: exit code ${ours.exitCode}${failure ? `: ${failure.what} (${failure.why})` : ''}`);
  if (ours.summary.exitCode !== ours.exitCode) complaints.push(`ours: the summary says exit code ${ours.summary.exitCode}, not ${ours.exitCode}`);
  if (peer.seen.failures.length > 0) complaints.push(`peer: ${peer.seen.failures.join('; ')}`);
  if (peer.connectionState !== 'connected') complaints.push(`peer: connectionState is ${peer.connectionState}`);
  if (peer.seen.goodbye !== 'bye') complaints.push(`peer: at the end it saw ${peer.seen.goodbye ?? 'nothing'}, not our bye`);
  if (ours.summary.selectedCandidatePair) complaints.push(...judgePath(test.path, ours.summary.selectedCandidatePair, peer));
  else complaints.push('ours: no selected pair');
  if (window) complaints.push(...judgeWindow(test, window, { ours, peer, recording }));
  for (const kind of test.media) {
    complaints.push(...judgeOurs(kind, ours, test), ...judgePeer(kind, peer, ours, test));
    if (recording) complaints.push(...judgeRecording(kind, recording, ours, test));
  }
  return complaints;
}

// One line for people: what was measured.
export function describe(test, { ours, peer, recording, window }) {
  const { one, transport } = readStats(peer.stats);
  const end = (candidate) => `${candidate?.candidateType}${candidate?.relayProtocol ? `(${candidate.relayProtocol})` : ''}`;
  const pair = ours.summary?.selectedCandidatePair;
  const facts = [];
  const setup = ours.summary?.timings ?? {};
  facts.push(`${end(pair?.local)}/${end(pair?.remote)}, ${transport.tlsVersion ? `DTLS ${transport.tlsVersion} ${transport.srtpCipher}, ` : ''}connected after ${Math.round(setup.dtlsConnectedMs)} ms`);
  if (window && test.media.includes('video')) {
    facts.push(`longest pause of the whole call: ${longestPause(arrivals(peer.picture.stamps), peer.picture.stamps[0]?.timeMs, window.untilMs % 2 ** 32)} ms to peer`
      + (recording ? `, ${longestPause(departures(recording.video.stamps), recording.video.stamps[0]?.timeMs, window.untilMs % 2 ** 32)} ms to us` : ''));
  }
  const toPeer = (kind) => one('inbound-rtp', kind), toUs = (kind) => ours.summary?.inbound?.find((s) => s.kind === kind);
  if (test.media.includes('video')) {
    if (peer.picture) {
      const { stamps, frames, size } = peer.picture;
      const numbers = new Set(stamps.map((s) => s.number));
      facts.push(`picture to peer: ${toPeer('video')?.framesDecoded ?? frames} decoded, ${numbers.size} numbers ${Math.min(...numbers)}..${Math.max(...numbers)} `
        + `read${size ? ` at ${size}, ${median(stamps.map((s) => s.delayMs))} ms old` : ''}`);
    } else if (toPeer('video')) facts.push(`picture to peer: ${toPeer('video').packetsReceived} packets`);
    facts.push(`picture to us: ${toUs('video')?.framesDecoded} decoded` + (recording ? `, ${new Set(recording.video.stamps.map((s) => s.number)).size} numbers recorded` : ''));
  }
  if (test.media.includes('audio')) {
    const { share, peaksHz } = peer.sound ?? {};
    const heard = share !== undefined ? `, ${Math.round(100 * share)} % tone` : peaksHz ? `, ${median(peaksHz).toFixed(0)} Hz` : '';
    if (toPeer('audio')) facts.push(`sound to peer: ${toPeer('audio').packetsReceived} packets${heard}`);
    facts.push(`sound to us: ${toUs('audio')?.packetsReceived} packets` + (recording ? `, ${Math.round(100 * recording.audio.share)} % tone` : ''));
  }
  return facts.join('; ');
}
