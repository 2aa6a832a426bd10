#!/usr/bin/python3
"""Judges the getStats() reports of a call's two ends, as their --json logs have them.

  statistics_judge.py ONE.json OTHER.json

Three things: every type and member that W3C webrtc 1.0 section 8.6 makes mandatory is there, where it is valid, and of its type; within a report ids are
unique, references point to what they name, and counters never fall from one report to the next; and what one end says of the other is
what the other says of itself. The last reports of the two ends are taken some packets apart: the bounds leave room for that.
"""
import base64
import hashlib
import json
import sys

IN_FLIGHT = 0.06  # of what was sent may not be counted by the other end yet, and
IN_FLIGHT_PACKETS = 60
FAREWELL_PACKETS = 8  # RTCP BYE and close_notify follow the last report


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_duration(value):
    return is_number(value) and value >= 0


def is_text(value):
    return isinstance(value, str) and value != ""


def is_flag(value):
    return isinstance(value, bool)


# W3C webrtc 1.0 section 8.6, Mandatory To Implement Stats. With a word behind it a member is mandatory where that is so (`holds` below).
STREAM = {"ssrc": is_count, "kind": is_text, "transportId": is_text, "codecId": is_text}
RECEIVED = {"packetsReceived": is_count, "packetsLost": is_integer, "jitter": is_duration}
SENT = {"packetsSent": is_count, "bytesSent": is_count}
CANDIDATE = {"address": is_text, "port": is_count, "protocol": is_text, "candidateType": is_text, "url server": is_text}
MANDATORY = {
    "codec": {"payloadType": is_count, "mimeType": is_text, "clockRate": is_count, "channels audio": is_count, "sdpFmtpLine fmtp": is_text},
    "inbound-rtp": STREAM | RECEIVED | {
        "trackIdentifier": is_text, "remoteId": is_text, "framesDecoded video": is_count, "framesDropped video": is_count, "nackCount": is_count,
        "framesReceived video": is_count, "bytesReceived": is_count, "totalAudioEnergy audio": is_duration, "totalSamplesDuration audio": is_duration,
        "packetsDiscarded": is_count},
    "outbound-rtp": STREAM | SENT | {"remoteId sent": is_text, "framesEncoded video": is_count, "nackCount": is_count, "framesSent video": is_count},
    "remote-inbound-rtp": STREAM | RECEIVED | {"localId": is_text, "roundTripTime": is_duration},
    "remote-outbound-rtp": STREAM | SENT | {"localId": is_text, "remoteTimestamp": is_number},
    "media-source": {
        "trackIdentifier": is_text, "kind": is_text, "totalAudioEnergy rawsound": is_duration, "totalSamplesDuration audio": is_duration,
        "width size": is_count, "height size": is_count, "framesPerSecond running": is_duration},
    "peer-connection": {"dataChannelsOpened": is_count, "dataChannelsClosed": is_count},
    "transport": {
        "bytesSent": is_count, "bytesReceived": is_count, "selectedCandidatePairId": is_text, "localCertificateId": is_text, "remoteCertificateId": is_text},
    "candidate-pair": {
        "transportId": is_text, "localCandidateId": is_text, "remoteCandidateId": is_text, "state": is_text, "nominated": is_flag, "bytesSent": is_count,
        "bytesReceived": is_count, "totalRoundTripTime": is_duration, "responsesReceived": is_count, "currentRoundTripTime answered": is_duration},
    "local-candidate": CANDIDATE,
    "remote-candidate": CANDIDATE,
    "certificate": {"fingerprint": is_text, "fingerprintAlgorithm": is_text, "base64Certificate": is_text},  # issuerCertificateId: of no self-signed one
    "data-channel": {
        "label": is_text, "protocol": lambda value: isinstance(value, str), "dataChannelIdentifier": is_count, "state": is_text, "messagesSent": is_count,
        "bytesSent": is_count, "messagesReceived": is_count, "bytesReceived": is_count},
}
REFERENCES = {
    "transportId": "transport", "codecId": "codec", "mediaSourceId": "media-source", "selectedCandidatePairId": "candidate-pair",
    "localCandidateId": "local-candidate", "remoteCandidateId": "remote-candidate", "localCertificateId": "certificate", "remoteCertificateId": "certificate",
}
REMOTE = {"inbound-rtp": "remote-outbound-rtp", "outbound-rtp": "remote-inbound-rtp"}
LOCAL = {remote: local for local, remote in REMOTE.items()}
GROWING = ("packetsSent", "packetsReceived", "bytesSent", "bytesReceived", "framesSent", "framesReceived", "framesEncoded", "framesDecoded", "framesDropped",
           "totalAudioEnergy", "totalSamplesDuration", "totalRoundTripTime", "frames", "reportsSent", "requestsSent", "responsesReceived", "nackCount",
           "packetsDiscarded", "timestamp")
UNFORMATTED = ("VP8", "AV1", "PCMU", "PCMA")  # codecs of which we say nothing in a=fmtp


class Judge:
    def __init__(self):
        self.complaints = []

    def check(self, truth, *what):
        if not truth:
            self.complaints.append(" ".join(str(word) for word in what))


def name_of(codec):
    return str(codec.get("mimeType")).partition("/")[2]


def codec_name(report, stream):
    return name_of(report.get(str(stream.get("codecId")), {}))


def sender_of(report, source):
    return next((s for s in report.values() if s["type"] == "outbound-rtp" and s.get("mediaSourceId") == source["id"]), None)


def holds(condition, report, entry):
    """Whether a member is valid for this object."""
    if condition in ("audio", "video"):
        return str(entry.get("kind", entry.get("mimeType"))).partition("/")[0] == condition
    if condition == "fmtp":
        return name_of(entry) not in UNFORMATTED
    if condition == "sent":
        return entry.get("packetsSent", 0) != 0
    if condition in ("rawsound", "size", "running"):
        sender = sender_of(report, entry)
        if sender is None or sender.get("packetsSent", 0) == 0:
            return False  # a track that is attached, and cannot be sent as what was agreed: its source rests
        if condition == "running":
            return entry.get("kind") == "video"
        if condition == "rawsound":
            return entry.get("kind") == "audio" and sender["targetBitrate"] != 0
        return entry.get("kind") == "video"
    if condition == "server":
        return entry["type"] == "local-candidate" and entry.get("candidateType") in ("srflx", "relay")
    if condition == "answered":
        return entry.get("responsesReceived", 0) != 0
    raise AssertionError(condition)


def judge_members(judge, who, report):
    for name, entry in report.items():
        judge.check(entry.get("id") == name, who, name, "has the id", entry.get("id"))
        judge.check(is_number(entry.get("timestamp")) and entry["timestamp"] > 1.5e12, who, name, "has no timestamp")
        if entry.get("type") not in MANDATORY:
            judge.check(False, who, name, "is of the unknown type", entry.get("type"))
            continue
        for member, is_right in MANDATORY[entry["type"]].items():
            member, _, condition = member.partition(" ")
            if member in entry:
                judge.check(is_right(entry[member]), who, name, f"{member} is {entry[member]!r}")
            elif condition == "" or holds(condition, report, entry):
                judge.check(False, who, name, "has no", member)


def judge_references(judge, who, report):
    for name, entry in report.items():
        wanted = REFERENCES | {"remoteId": REMOTE.get(entry["type"]), "localId": LOCAL.get(entry["type"])}
        for member, kind in wanted.items():
            if member in entry:
                judge.check(report.get(entry[member], {}).get("type") == kind, who, name, f"{member} is {entry[member]}, which is no {kind}")
        if "remoteId" in entry and entry["remoteId"] in report:
            judge.check(report[entry["remoteId"]].get("localId") == name, who, name, "is not what its remoteId is about")
            judge.check(report[entry["remoteId"]].get("ssrc") == entry["ssrc"], who, name, "has another ssrc than its remote part")


def judge_growth(judge, who, reports):
    for before, after in zip(reports, reports[1:]):
        for name in before.keys() & after.keys():
            for member in GROWING:
                if member in before[name]:
                    judge.check(after[name].get(member, -1) >= before[name][member], who, name, f"{member} fell from {before[name][member]} to {after[name].get(member)}")


def judge_certificates(judge, who, report):
    for name, entry in of_type(report, "certificate"):
        der = base64.b64decode(entry.get("base64Certificate", ""), validate=True)
        digest = hashlib.sha256(der).hexdigest().upper()
        judge.check(entry["fingerprintAlgorithm"] == "sha-256" and entry["fingerprint"].replace(":", "") == digest, who, name, "is not of its fingerprint")


def judge_sums(judge, who, report, before):
    for name, transport in of_type(report, "transport"):
        pairs = [pair for _, pair in of_type(report, "candidate-pair") if pair["transportId"] == name]
        for member in ("bytesSent", "bytesReceived", "packetsSent", "packetsReceived"):
            judge.check(transport[member] == sum(pair[member] for pair in pairs), who, name, member, "is not the sum of its pairs")
        selected = report.get(transport.get("selectedCandidatePairId"), {})
        judge.check(selected.get("state") == "succeeded" and selected.get("nominated"), who, name, "has not selected what was nominated")
    for name, source in of_type(report, "media-source"):
        if "framesPerSecond" in source:
            has_ended = source["frames"] == before.get(name, {}).get("frames")
            judge.check((0 if has_ended else 20) <= source["framesPerSecond"] <= 40, who, name, "framesPerSecond is", source["framesPerSecond"])


def of_type(report, kind):
    return [(name, entry) for name, entry in report.items() if entry["type"] == kind]


def near(sent, arrived, unseen=0):
    return -unseen <= sent - arrived <= max(IN_FLIGHT * sent, IN_FLIGHT_PACKETS)


def judge_stream(judge, who, sender, out, receiver, inbound):
    say = lambda truth, *what: judge.check(truth, who, out["kind"], *what)
    arrived = inbound["packetsReceived"] + inbound["packetsLost"]
    say(near(out["packetsSent"], arrived), f"sent {out['packetsSent']} packets, of which {inbound['packetsReceived']} came and {inbound['packetsLost']} were lost")
    say(inbound["bytesReceived"] <= out["bytesSent"], f"sent {out['bytesSent']} bytes, of which {inbound['bytesReceived']} came")
    if inbound["packetsReceived"] == out["packetsSent"]:
        say(inbound["bytesReceived"] == out["bytesSent"], "sent all packets, but not all bytes")
    say(inbound["kind"] == out["kind"], "is", inbound["kind"], "there")
    for member in ("mimeType", "payloadType", "clockRate"):
        say(sender[out["codecId"]][member] == receiver[inbound["codecId"]][member], member, "differs")
    if out["kind"] == "video":
        say(inbound["framesReceived"] <= out["framesSent"] <= out["framesEncoded"], "made, sent, received",
            out["framesEncoded"], out["framesSent"], inbound["framesReceived"])
        say(inbound["framesDecoded"] + inbound["framesDropped"] <= inbound["framesReceived"] + inbound["framesDropped"], "decoded more than came")
    told, heard = sender.get(out.get("remoteId")), receiver.get(inbound.get("remoteId"))
    if told:
        say(told["packetsReceived"] <= inbound["packetsReceived"] and told["packetsLost"] <= max(0, inbound["packetsLost"]), "was told of more than came")
        say(told["packetsReceived"] >= 0.4 * inbound["packetsReceived"] and told["roundTripTime"] < 1, "was told of little:", told["packetsReceived"])
    if heard:
        say(heard["packetsSent"] <= out["packetsSent"] and heard["bytesSent"] <= out["bytesSent"], "told more than it sent")
        say(abs(heard["remoteTimestamp"] - heard["timestamp"]) < 1000, "told at", heard["remoteTimestamp"], "heard at", heard["timestamp"])
    source = sender.get(out.get("mediaSourceId"), {})
    if "totalAudioEnergy" in source and codec_name(sender, out) == "opus":
        loud = source["totalAudioEnergy"] / source["totalSamplesDuration"]
        heard_loud = inbound["totalAudioEnergy"] / max(inbound["totalSamplesDuration"], 1e-9)
        say(0.7 * loud <= heard_loud <= 1.3 * loud, f"has the power {loud}, there it is {heard_loud}")


def judge_between(judge, who, sender, receiver):
    """What `sender` says of what it sends, and `receiver` of the same."""
    inbound = {entry["ssrc"]: entry for _, entry in of_type(receiver, "inbound-rtp")}
    sent = [out for _, out in of_type(sender, "outbound-rtp") if out["packetsSent"] > 0]
    for out in sent:
        if out["ssrc"] in inbound:
            judge_stream(judge, who, sender, out, receiver, inbound[out["ssrc"]])
        else:
            judge.check(False, who, out["id"], "is not known to the other end")
    mine = {entry["base64Certificate"] for entry in (sender[t["localCertificateId"]] for _, t in of_type(sender, "transport"))}
    theirs = {entry["base64Certificate"] for entry in (receiver[t["remoteCertificateId"]] for _, t in of_type(receiver, "transport"))}
    judge.check(mine == theirs, who, "showed another certificate than was seen")
    for (_, out), (_, arrived) in zip(of_type(sender, "transport"), of_type(receiver, "transport")):
        judge.check(near(out["packetsSent"], arrived["packetsReceived"], FAREWELL_PACKETS), who, "transport sent", out["packetsSent"],
                    "of which came", arrived["packetsReceived"])
        judge.check({out["iceRole"], arrived["iceRole"]} == {"controlling", "controlled"}, who, "ICE roles", out["iceRole"], arrived["iceRole"])
        judge.check({out["dtlsRole"], arrived["dtlsRole"]} == {"client", "server"}, who, "DTLS roles", out["dtlsRole"], arrived["dtlsRole"])
    return len(sent)


def judge_call(one, other):
    """`one`, `other`: all reports of an end, in order. Returns complaints."""
    judge = Judge()
    for who, reports in (("one:", one), ("other:", other)):
        judge.check(len(reports) >= 2, who, "has", len(reports), "reports")
        if not reports:
            return judge.complaints
        judge_members(judge, who, reports[-1])
        if judge.complaints:
            continue
        judge_references(judge, who, reports[-1])
        judge_growth(judge, who, reports)
        judge_certificates(judge, who, reports[-1])
        judge_sums(judge, who, reports[-1], reports[-2])
    if judge.complaints:
        return judge.complaints
    streams = judge_between(judge, "one:", one[-1], other[-1]) + judge_between(judge, "other:", other[-1], one[-1])
    judge.check(streams > 0, "nothing was sent")
    found = {entry["type"] for report in (one[-1], other[-1]) for entry in report.values()}
    # Of a data channel there is no object before there is SCTP (section 8.6: "when the corresponding objects exist").
    judge.check(MANDATORY.keys() - found <= {"data-channel"}, "no object of", sorted(MANDATORY.keys() - found))
    return judge.complaints


def reports_of(path):
    with open(path, encoding="utf-8") as lines:
        return [event["stats"] for event in map(json.loads, lines) if event["event"] == "stats" and event["stats"]]


if __name__ == "__main__":
    found_wrong = judge_call(reports_of(sys.argv[1]), reports_of(sys.argv[2]))
    print("\n".join(found_wrong) or "as they should be")
    sys.exit(1 if found_wrong else 0)
