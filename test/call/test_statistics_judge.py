#!/usr/bin/python3
"""The judge of getStats() is judged: a right pair of reports passes, and each thing that is wrong is seen."""
import base64
import copy
import hashlib
import sys
import unittest

sys.dont_write_bytecode = True
import statistics_judge  # noqa: E402

NOW = 1.79e12


def certificate(name):
    der = name.encode() * 20
    return {"type": "certificate", "fingerprint": ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest()), "fingerprintAlgorithm": "sha-256",
            "base64Certificate": base64.b64encode(der).decode()}


def candidate(kind, address):
    return {"type": kind, "address": address, "port": 9000, "protocol": "udp", "candidateType": "host", "transportId": "T"}


def codec(kind, name):
    entry = {"type": "codec", "payloadType": 96, "mimeType": f"{kind}/{name}", "clockRate": 48000, "transportId": "T"}
    return entry | ({"channels": 2, "sdpFmtpLine": "useinbandfec=1"} if kind == "audio" else {})


def end(mine, theirs, controlling):
    """Both ends send one of each kind; `mine` and `theirs` are "a" and "b"."""
    report = {
        "C": {"type": "peer-connection", "dataChannelsOpened": 0, "dataChannelsClosed": 0},
        "L": candidate("local-candidate", mine), "R": candidate("remote-candidate", theirs),
        "own": certificate(mine), "peer": certificate(theirs),
        "P": {"type": "candidate-pair", "transportId": "T", "localCandidateId": "L", "remoteCandidateId": "R", "state": "succeeded", "nominated": True,
              "packetsSent": 400, "packetsReceived": 400, "bytesSent": 90000, "bytesReceived": 90000, "totalRoundTripTime": 0.1, "currentRoundTripTime": 0.1,
              "responsesReceived": 1},
        "T": {"type": "transport", "packetsSent": 400, "packetsReceived": 400, "bytesSent": 90000, "bytesReceived": 90000, "selectedCandidatePairId": "P",
              "localCertificateId": "own", "remoteCertificateId": "peer", "iceRole": "controlling" if controlling else "controlled",
              "dtlsRole": "server" if controlling else "client"},
    }
    for kind, name in (("audio", "opus"), ("video", "VP8")):
        out, into = f"{mine}{kind}", f"{theirs}{kind}"
        ssrc = {"aaudio": 1, "avideo": 2, "baudio": 3, "bvideo": 4}
        stream = {"kind": kind, "transportId": "T", "codecId": f"codec{kind}"}
        report |= {
            f"codec{kind}": codec(kind, name),
            f"source{kind}": {"type": "media-source", "trackIdentifier": out, "kind": kind} |
            ({"totalAudioEnergy": 0.1, "totalSamplesDuration": 4.0} if kind == "audio" else {"width": 640, "height": 480, "framesPerSecond": 30, "frames": 100}),
            f"out{kind}": stream | {"type": "outbound-rtp", "ssrc": ssrc[out], "packetsSent": 200, "bytesSent": 40000, "remoteId": f"rin{kind}", "nackCount": 0,
                                    "mediaSourceId": f"source{kind}", "targetBitrate": 48000} | ({"framesSent": 100, "framesEncoded": 100} if kind == "video" else {}),
            f"rin{kind}": stream | {"type": "remote-inbound-rtp", "ssrc": ssrc[out], "packetsReceived": 180, "packetsLost": 0, "jitter": 0.001, "localId": f"out{kind}",
                                    "roundTripTime": 0.1},
            f"in{kind}": stream | {"type": "inbound-rtp", "ssrc": ssrc[into], "trackIdentifier": into, "remoteId": f"rout{kind}", "packetsReceived": 200,
                                   "packetsLost": 0, "jitter": 0.001, "bytesReceived": 40000, "nackCount": 0, "packetsDiscarded": 0} |
            ({"totalAudioEnergy": 0.1, "totalSamplesDuration": 4.0} if kind == "audio" else {"framesReceived": 100, "framesDecoded": 100, "framesDropped": 0}),
            f"rout{kind}": stream | {"type": "remote-outbound-rtp", "ssrc": ssrc[into], "packetsSent": 180, "bytesSent": 36000, "localId": f"in{kind}",
                                     "remoteTimestamp": NOW, "timestamp": NOW},
        }
    for name, entry in report.items():
        entry |= {"id": name, "timestamp": NOW}
    return report


def call():
    one, other = end("a", "b", True), end("b", "a", False)
    before = [copy.deepcopy(one), copy.deepcopy(other)]
    for report in before:
        report["sourcevideo"]["frames"] -= 30
    return [before[0], one], [before[1], other]


class Judged(unittest.TestCase):
    def test_right(self):
        self.assertEqual(statistics_judge.judge_call(*call()), [])

    def wrong(self, change):
        one, other = call()
        change(one[-1])
        self.assertNotEqual(statistics_judge.judge_call(one, other), [], "one")
        one, other = call()
        change(other[-1])
        self.assertNotEqual(statistics_judge.judge_call(one, other), [], "other")

    def test_each_mandatory_member_is_missed(self):
        one, _ = call()
        for name, entry in one[-1].items():
            for member in statistics_judge.MANDATORY[entry["type"]]:
                member, _, condition = member.partition(" ")
                if member in entry:
                    with self.subTest(name=name, member=member):
                        self.wrong(lambda report: report[name].pop(member))

    def test_each_mandatory_member_has_its_type(self):
        one, _ = call()
        for name, entry in one[-1].items():
            for member in statistics_judge.MANDATORY[entry["type"]]:
                member = member.split(" ")[0]
                if member in entry:
                    with self.subTest(name=name, member=member):
                        self.wrong(lambda report: report[name].update({member: [1]}))

    def test_each_type_is_missed(self):
        one, other = call()
        for kind in statistics_judge.MANDATORY.keys() - {"data-channel"}:
            with self.subTest(kind=kind):
                less = [[{name: entry for name, entry in report.items() if entry["type"] != kind} for report in reports] for reports in (one, other)]
                self.assertNotEqual(statistics_judge.judge_call(*less), [])

    def test_each_reference_is_followed(self):
        one, _ = call()
        for name, entry in one[-1].items():
            for member in entry:
                if member.endswith("Id") and member != "trackId":
                    with self.subTest(name=name, member=member):
                        self.wrong(lambda report: report[name].update({member: "C"}))

    def test_what_falls(self):
        one, other = call()
        one[0]["outaudio"]["packetsSent"] = 201
        self.assertNotEqual(statistics_judge.judge_call(one, other), [])

    def test_numbers_that_disagree(self):
        changes = [
            lambda r: r["inaudio"].update(packetsReceived=100), lambda r: r["inaudio"].update(packetsReceived=201), lambda r: r["invideo"].update(packetsLost=90),
            lambda r: r["invideo"].update(bytesReceived=39999), lambda r: r["invideo"].update(framesReceived=101), lambda r: r["outvideo"].update(framesEncoded=99),
            lambda r: r["rinvideo"].update(packetsReceived=201), lambda r: r["routvideo"].update(packetsSent=201), lambda r: r["P"].update(bytesSent=1),
            lambda r: r["inaudio"].update(totalAudioEnergy=0.2), lambda r: r["sourcevideo"].update(framesPerSecond=0), lambda r: r["inaudio"].update(ssrc=77),
            lambda r: r["T"].update(iceRole="unknown"), lambda r: r["T"].update(dtlsRole="unknown"), lambda r: r["T"].update(packetsSent=900),
            lambda r: r["own"].update(certificate("c")), lambda r: r["own"].update(fingerprint="00"), lambda r: r["routaudio"].update(remoteTimestamp=NOW - 5000),
            lambda r: r["codecvideo"].update(mimeType="video/VP9", sdpFmtpLine="profile-id=0"), lambda r: r["codecvideo"].update(payloadType=97),
            lambda r: r["P"].update(state="failed"), lambda r: r["P"].update(nominated=False), lambda r: r["L"].update(id="other"),
        ]
        for number, change in enumerate(changes):
            with self.subTest(change=number):
                self.wrong(change)


if __name__ == "__main__":
    unittest.main()
