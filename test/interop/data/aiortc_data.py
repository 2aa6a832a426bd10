"""aiortc as a peer of data cases: one RTCPeerConnection on lines of JSON (party.js says which)."""
import asyncio
import json
import sys
import traceback

import aiortc
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

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


def say(message):
    print(json.dumps(message), flush=True)


class Peer:
    def __init__(self):
        self.connection = None
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

    async def offer(self, _):
        # By default it offers what RFC 8841 was in 2013 (DTLS/SCTP, a=sctpmap); it knows the RFC, too, and has no option for it.
        self.connection._sctpLegacySdp = False
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return {"sdp": self.connection.localDescription.sdp}

    async def answer(self, request):
        await self.connection.setRemoteDescription(RTCSessionDescription(request["sdp"], "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return {"sdp": self.connection.localDescription.sdp}

    async def accept(self, request):
        await self.connection.setRemoteDescription(RTCSessionDescription(request["sdp"], "answer"))

    async def candidate(self, request):
        told = request["candidate"]
        if not told or not told["candidate"]:
            return
        candidate = candidate_from_sdp(told["candidate"].split(":", 1)[1])
        candidate.sdpMid, candidate.sdpMLineIndex = told.get("sdpMid"), told.get("sdpMLineIndex")
        await self.connection.addIceCandidate(candidate)

    async def close(self, _):
        await self.connection.close()


async def main():
    peer, loop = Peer(), asyncio.get_running_loop()
    say({"event": "version", "version": f"aiortc/{aiortc.__version__}"})
    lines = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)

    async def handle(request):
        try:
            result = getattr(peer, request["do"])(request)
            result = await result if asyncio.iscoroutine(result) else result
            say({"id": request["id"], **(result or {})})
        except Exception as error:  # whatever it is, the runner is told, and the log has the rest
            traceback.print_exc()
            say({"id": request["id"], "error": f"{type(error).__name__}: {error}"})

    tasks = set()
    while line := await lines.readline():
        task = asyncio.create_task(handle(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
