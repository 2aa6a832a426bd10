"""What both programs with aiortc do: requests come on stdin, answers and events go to stdout, a line of JSON each (program.js says which); and an
RTCPeerConnection is described in the same way."""
import asyncio
import json
import sys
import traceback

import aiortc
from aiortc.sdp import candidate_from_sdp


def say(message):
    print(json.dumps(message), flush=True)


class Described:
    """A peer is one of these: a method for each request, which gives what its answer holds."""

    connection = None

    async def offer(self, _):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return {"sdp": self.connection.localDescription.sdp}

    async def answer(self, request):
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(request["sdp"], "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return {"sdp": self.connection.localDescription.sdp}

    async def accept(self, request):
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(request["sdp"], "answer"))

    async def candidate(self, request):
        given = request["candidate"]
        if not given or not given["candidate"]:
            return  # aiortc 1.4 knows no end of candidates by trickle
        candidate = candidate_from_sdp(given["candidate"].split(":", 1)[1])
        candidate.sdpMid, candidate.sdpMLineIndex = given.get("sdpMid"), given.get("sdpMLineIndex")
        await self.connection.addIceCandidate(candidate)

    async def close(self, _):
        await self.connection.close()


async def serve(make_peer, at_once=False):
    """Answers until stdin ends: one request after another, or all at once, for those that have to wait for room."""
    peer, loop = make_peer(), asyncio.get_running_loop()
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
        if not at_once:
            await task
