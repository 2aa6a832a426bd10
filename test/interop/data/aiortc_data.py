"""aiortc as a peer of data cases: one RTCPeerConnection on lines of JSON (party.js says which)."""
import asyncio
import pathlib
import sys

from aiortc import RTCConfiguration, RTCPeerConnection

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
from aiortc_lines import Described, say, serve  # noqa: E402

NUMBER_BYTES, LETTERS, MARK, MARKED_BYTES = 4, 26, "✓".encode(), 7
BUFFERED_BYTES = 1 << 18


def content(length, number, text):
    """As content.js has it."""
    data = bytearray((length * 7 + i * 31) & 255 for i in range(length))
    if text:
        data = bytearray(97 + byte % LETTERS for byte in data)
    if length >= NUMBER_BYTES:
        for i in reversed(range(NUMBER_BYTES)):
            data[i] = 97 + number % LETTERS if text else number & 255
            number = number // LETTERS if text else number >> 8
    if text and length >= MARKED_BYTES:
        data[-len(MARK):] = MARK
    return bytes(data)


def number_in(data, text):
    number = 0
    for byte in data[:NUMBER_BYTES] if len(data) >= NUMBER_BYTES else b"":
        number = number * LETTERS + byte - 97 if text else number << 8 | byte
    return number


class Peer(Described):
    def __init__(self):
        self.channels = []

    def add(self, channel):
        number = len(self.channels)
        self.channels.append(channel)
        opened = False

        def on_open():
            nonlocal opened
            if not opened:
                say({"event": "opened", "channel": number})
            opened = True

        def on_message(message):
            text = isinstance(message, str)
            data = message.encode() if text else message
            index = number_in(data, text)
            say({"event": "message", "channel": number, "text": text, "length": len(data), "number": index, "intact": data == content(len(data), index, text)})

        channel.on("open", on_open)
        channel.on("message", on_message)
        channel.on("close", lambda: say({"event": "shut", "channel": number}))
        return number, on_open

    def facts_of(self, channel):
        return {
            "label": channel.label, "protocol": channel.protocol, "ordered": channel.ordered, "maxRetransmits": channel.maxRetransmits,
            "maxPacketLifeTime": channel.maxPacketLifeTime, "negotiated": channel.negotiated, "id": channel.id, "readyState": channel.readyState,
        }

    def open(self, _):
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.on("connectionstatechange", lambda: say({"event": "state", "state": self.connection.connectionState}))

        def on_channel(channel):
            number, on_open = self.add(channel)
            say({"event": "channel", "channel": number, "facts": self.facts_of(channel)})
            on_open()

        self.connection.on("datachannel", on_channel)

    def channel(self, request):
        number, on_open = self.add(self.connection.createDataChannel(request["label"], **request["init"]))
        if self.channels[number].readyState == "open":
            on_open()
        return {"channel": number}

    async def send(self, request):
        channel = self.channels[request["channel"]]
        for i in range(request["count"]):
            data = content(request["length"], request["number"] + i, request["text"])
            channel.send(data.decode() if request["text"] else data)
            while channel.bufferedAmount > BUFFERED_BYTES:
                await asyncio.sleep(0.005)

    def shut(self, request):
        self.channels[request["channel"]].close()

    def facts(self, request):
        return {"facts": self.facts_of(self.channels[request["channel"]])}

    async def offer(self, request):
        # By default it offers what RFC 8841 was in 2013 (DTLS/SCTP, a=sctpmap); it knows the RFC, too, and has no option for it.
        self.connection._sctpLegacySdp = False
        return await super().offer(request)


asyncio.run(serve(Peer, at_once=True))
