// What must be true after an offer and an answer, and while media flows. Pure: what both parties look like in, complaints out.
//
// A look is what look() of ours.js and page.js gives: signalingState, connectionState, transceivers, streams (by mid: sent, received,
// frames), local and remote (descriptions).

const MIRROR = { sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive', refused: 'refused' };
const sends = (direction) => ['sendrecv', 'sendonly'].includes(direction);

// The sections of a description: { kind, port, mid, direction, bundleOnly }.
export function sectionsOf(sdp) {
  return sdp.split(/\r\n(?=m=)/).slice(1).map((section) => ({
    kind: section.match(/^m=(\S+)/)[1],
    port: Number(section.match(/^m=\S+ (\d+)/)[1]),
    mid: section.match(/^a=mid:(.*)$/m)?.[1].trim() ?? null,
    direction: section.match(/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m)?.[1] ?? 'sendrecv',
  }));
}

export const ufragsOf = (look) => (look.local?.sdp.match(/^a=ice-ufrag:(.*)$/gm) ?? []).map((line) => line.trim());

// What was agreed of each section, as the side says it whose look is `own`: { mid, kind, agreed }.
function agreedSections(own, other) {
  const mine = own.local.type === 'answer';
  return sectionsOf((mine ? own : other).local.sdp).map(({ kind, port, mid, direction }) => (
    { mid, kind, agreed: port === 0 ? 'refused' : mine ? direction : MIRROR[direction] }));
}

function judgeTransceiver(who, look, { mid, kind }, direction) {
  if (kind === 'application') return [];
  const found = look.transceivers.filter((t) => t.mid === mid && t.currentDirection !== 'stopped');
  if (direction === 'refused') return found.length > 0 ? [`${who}: section ${mid} is refused, its transceiver says ${found[0].currentDirection}`] : [];
  if (found.length !== 1) return [`${who}: ${found.length} transceivers for section ${mid}`];
  const complaints = [];
  if (found[0].currentDirection !== direction) complaints.push(`${who}: currentDirection of ${mid} is ${found[0].currentDirection}, not ${direction}`);
  if (found[0].kind !== kind) complaints.push(`${who}: the transceiver of ${mid} is ${found[0].kind}, not ${kind}`);
  return complaints;
}

// names: of the two, as complaints call them. connects: something was agreed.
export function judgeAgreement(names, first, second, agreed) {
  const complaints = [];
  for (const [who, look] of [[names.first, first], [names.second, second]]) {
    if (look.failures?.length > 0) complaints.push(`${who}: ${look.failures.join('; ')}`);
    if (look.signalingState !== 'stable') complaints.push(`${who}: signalingState is ${look.signalingState}`);
    if (!look.local || !look.remote) complaints.push(`${who}: it has ${look.local ? 'no remote' : 'no local'} description`);
    if (agreed.some((direction) => direction !== 'refused') && look.connectionState !== 'connected') complaints.push(`${who}: connectionState is ${look.connectionState}`);
  }
  if (complaints.length > 0) return complaints;
  if (first.local.sdp.split('m=').length !== second.local.sdp.split('m=').length) complaints.push('the two have different numbers of sections');
  const sections = agreedSections(first, second);
  const said = sections.map((s) => s.agreed).join(' ');
  if (said !== agreed.join(' ')) return [...complaints, `agreed is ${said}, not ${agreed.join(' ')}`];
  sections.forEach((section, i) => complaints.push(
    ...judgeTransceiver(names.first, first, section, agreed[i]), ...judgeTransceiver(names.second, second, section, MIRROR[agreed[i]])));
  return complaints;
}

// One direction of one section between two pairs of looks: the sender's packets, and the receiver's packets and frames.
function judgeFlow(what, kind, flows, from, to, mid) {
  const grew = (pair, counter) => (pair.after.streams[mid]?.[counter] ?? 0) - (pair.before.streams[mid]?.[counter] ?? 0);
  if (!flows) return grew(from, 'sent') > 0 ? [`${what}: ${grew(from, 'sent')} packets were sent`] : [];
  if (grew(from, 'sent') <= 0) return [`${what}: nothing is sent`];
  if (grew(to, 'received') <= 0) return [`${what}: nothing arrives`];
  return kind === 'video' && grew(to, 'frames') <= 0 ? [`${what}: packets arrive, no frames`] : [];
}

// first, second: { before, after }, looks with some time between. silent: sections on which the first has nothing to send.
export function judgeMedia(names, first, second, agreed, { codecs, silent = [] }) {
  const complaints = [];
  agreedSections(first.after, second.after).forEach(({ mid, kind }, i) => {
    if (kind === 'application' || agreed[i] === 'refused') return;
    const to = `${names.first} to ${names.second}, ${kind} ${mid}`, back = `${names.second} to ${names.first}, ${kind} ${mid}`;
    complaints.push(...judgeFlow(to, kind, sends(agreed[i]) && !silent.includes(i), first, second, mid));
    complaints.push(...judgeFlow(back, kind, sends(MIRROR[agreed[i]]), second, first, mid));
    const wanted = codecs?.[i] ?? (kind === 'audio' ? 'opus' : 'VP8');
    for (const [who, look] of [[names.first, first.after], [names.second, second.after]]) {
      const codec = look.streams[mid]?.codec ?? look.transceivers.find((t) => t.mid === mid)?.codec;
      if (agreed[i] !== 'inactive' && codec && codec.toLowerCase() !== wanted.toLowerCase()) complaints.push(`${who}: the codec of ${mid} is ${codec}, not ${wanted}`);
    }
  });
  return complaints;
}
