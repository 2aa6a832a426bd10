"""GStreamer's webrtcbin as a peer, on lines of JSON (peers/program.js says which). It neither encodes nor decodes: it sends stamped.ivf and tone.ogg,
and records what it receives."""
import faulthandler
import json
import os
import re
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

SOURCES = {
    "video": "filesrc location={file} ! ivfparse ! identity sync=true ! rtpvp8pay pt={type} picture-id-mode=15-bit ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload={type} ! queue ! rtc.",
    "audio": "filesrc location={file} ! oggdemux ! opusparse ! identity sync=true ! rtpopuspay pt={type} ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload={type} ! queue ! rtc.",
}
RECORDERS = {"VP8": "rtpvp8depay request-keyframe=true ! webmmux streamable=true", "OPUS": "rtpopusdepay ! opusparse ! webmmux streamable=true"}
NAMES = {"VP8": "VP8", "OPUS": "opus"}
TYPES = {"video": ("VP8", 96), "audio": ("opus", 111)}


output = threading.Lock()


def say(message):
    with output:
        print(json.dumps(message), flush=True)


kept = []  # what the bindings of GStreamer 1.22 would free twice, or too early: nothing is freed


def session_of(kind, text):
    _, sdp = GstSdp.SDPMessage.new_from_text(text)
    session = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
    kept.extend([sdp, session])
    return session


class Peer:
    def __init__(self):
        self.pipeline, self.rtc, self.given = None, None, None
        self.codecs, self.received = {}, {}  # by kind; packets

    def open(self, request):
        self.given = request
        if request["role"] == "offerer":
            self.build({kind: TYPES[kind][1] for kind in request["media"]})
        return {}

    def build(self, types):
        """A pipeline that sends each kind with its payload type, and waits to be paused no longer."""
        parts = ["webrtcbin name=rtc bundle-policy=max-bundle"]
        parts += [SOURCES[kind].format(file=self.given["canned"][kind], type=type_) for kind, type_ in types.items()]
        self.pipeline = Gst.parse_launch(" ".join(parts))
        self.rtc = self.pipeline.get_by_name("rtc")
        for server in self.given["iceServers"]:
            for url in server["urls"]:
                scheme, rest = url.split(":", 1)
                if scheme == "stun":
                    self.rtc.set_property("stun-server", f"stun://{rest}")
                else:
                    self.rtc.emit("add-turn-server", f"{scheme}://{server['username']}:{server['credential']}@{rest}")
        self.rtc.connect("on-ice-candidate", lambda _, line, text: say({"event": "candidate", "candidate": {"candidate": text, "sdpMLineIndex": line}}))
        self.rtc.connect("notify::connection-state", lambda *_: say({"event": "state", "state": self.rtc.get_property("connection-state").value_nick}))
        self.rtc.connect("pad-added", self.take)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", lambda _, message: print(*message.parse_error(), file=sys.stderr, flush=True))
        self.pipeline.set_state(Gst.State.PLAYING)

    def take(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        caps = pad.get_current_caps().get_structure(0)
        kind, name = caps.get_string("media"), caps.get_string("encoding-name")
        self.codecs[kind] = f"{kind}/{NAMES[name]}"
        recorder = Gst.parse_bin_from_description(f"queue ! {RECORDERS[name]} ! filesink async=false buffer-mode=unbuffered location={self.given['folder']}/peer-{kind}.webm", True)
        self.received[kind] = 0
        pad.add_probe(Gst.PadProbeType.BUFFER, self.count, kind)
        self.pipeline.add(recorder)
        recorder.sync_state_with_parent()
        pad.link(recorder.get_static_pad("sink"))

    def count(self, _, __, kind):
        self.received[kind] += 1
        return Gst.PadProbeReturn.OK

    def ask(self, signal, *arguments):
        """Emits a signal that promises something, and waits for it. What the promise holds is gone with it: keep it as long as the reply is looked at."""
        promise = Gst.Promise.new()
        self.rtc.emit(signal, *arguments, promise)
        promise.wait()
        reply = promise.get_reply()
        if reply and reply.has_field("error"):
            raise RuntimeError(f"{signal}: {reply.to_string()}")
        return promise

    def describe(self, signal, name):
        promise = self.ask(signal, None)
        reply = promise.get_reply()
        session = reply.get_value(name)
        sdp = session.sdp
        text = sdp.as_text()
        kept.extend([promise, reply, session, sdp])
        kind = GstWebRTC.WebRTCSDPType.OFFER if name == "offer" else GstWebRTC.WebRTCSDPType.ANSWER
        self.ask("set-local-description", session_of(kind, text))
        return {"sdp": text}

    def offer(self, _):
        return self.describe("create-offer", "offer")

    def answer(self, request):
        sdp = request["sdp"]
        types = {kind: int(re.search(rf"a=rtpmap:(\d+) {TYPES[kind][0]}/", sdp, re.I)[1]) for kind in self.given["media"]}
        self.build(types)
        self.ask("set-remote-description", session_of(GstWebRTC.WebRTCSDPType.OFFER, sdp))
        return self.describe("create-answer", "answer")

    def accept(self, request):
        self.ask("set-remote-description", session_of(GstWebRTC.WebRTCSDPType.ANSWER, request["sdp"]))
        return {}

    def candidate(self, request):
        given = request["candidate"]
        if given and given["candidate"]:
            self.rtc.emit("add-ice-candidate", given.get("sdpMLineIndex") or 0, given["candidate"])
        return {}

    def measure(self, _):
        promise = self.ask("get-stats", None)
        reply = promise.get_reply()
        text = reply.to_string()
        kept.extend([promise, reply])
        return {"received": self.received, "codecs": self.codecs, "stats": [], "raw": text}

    def close(self, _):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)
        return {}


def serve(peer):
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say({"id": request["id"], **getattr(peer, request["do"])(request)})
        except Exception as error:  # whatever it is, the runner is told
            say({"id": request["id"], "error": f"{type(error).__name__}: {error}"})
    os._exit(0)  # nothing of what is kept may be freed


faulthandler.enable()
Gst.init(None)
say({"event": "version", "version": Gst.version_string().replace(" ", "/")})
main_loop = GLib.MainLoop()
threading.Thread(target=serve, args=(Peer(),), daemon=True).start()
main_loop.run()
