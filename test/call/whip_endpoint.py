#!/usr/bin/env python3
"""An endpoint of WHIP and WHEP that misbehaves, one way for each path. Usage: whip_endpoint.py PORT REAL_URL

REAL_URL is an endpoint that works: /redirect and /busy lead there. What was asked is printed, a line for each request.
"""
import socketserver
import sys
import time

REAL = sys.argv[2]
ANSWER = b"v=0\r\nm=audio 9 X 0\r\n"
counts = {}


def response(status, fields=(), body=b"", length=True):
    lines = ["HTTP/1.1 " + status, *fields] + (["Content-Length: %d" % len(body)] if length else [])
    return "\r\n".join(lines + ["", ""]).encode() + body


def chunked(status, fields, *pieces):
    lines = ["HTTP/1.1 " + status, *fields, "Transfer-Encoding: chunked", "", ""]
    return "\r\n".join(lines).encode() + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


SDP = "Content-Type: application/sdp"
RESPONSES = {
    "/redirect": response("307 Temporary Redirect", ["Location: /redirect/../again"]),
    "/again": response("308 Permanent Redirect", ["Location: " + REAL]),
    "/loop": response("307 Temporary Redirect", ["Location: loop"]),
    "/moved": response("302 Found", ["Location: " + REAL]),
    "/lost": response("201 Created", [SDP], ANSWER),
    "/odd": response("201 Created", ["Location: /session/1", "Content-Type: text/html"], b"<html>"),
    "/bad-answer": response("201 Created", ["Location: /session/1", 'ETag: "1"', SDP], ANSWER),
    "/teapot": chunked("418 I'm a teapot", ["Content-Type: application/problem+json"], b'{"title":"short', b' and stout"}'),
    "/broken": response("500 Internal Server Error", [], b"it fell over"),
    "/counter": response("406 Not Acceptable", ["Location: /session/1", SDP], ANSWER),
    "/garbage": b"SSH-2.0-dropbear\r\n\r\n",
    "/half": b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nv=0",
    "/flood": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000,
    "/nothing": b"",
    "/session/1": response("200 OK"),
}


class Endpoint(socketserver.StreamRequestHandler):
    def handle(self):
        method, path, _ = self.rfile.readline().decode().split()
        length = 0
        while (line := self.rfile.readline().strip()):
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        self.rfile.read(length)
        print(method, path, flush=True)
        counts[path] = counts.get(path, 0) + 1
        if path == "/busy":
            first = counts[path] == 1
            self.wfile.write(response("503 Busy", ["Retry-After: 1"]) if first else response("307 Temporary Redirect", ["Location: " + REAL]))
        elif path == "/slowly":
            for byte in response("307 Temporary Redirect", ["Location: " + REAL]):
                self.wfile.write(bytes([byte]))
                time.sleep(0.01)
        else:
            self.wfile.write(RESPONSES.get(path, response("404 Not Found", [], b"no such thing")))


socketserver.ThreadingTCPServer.allow_reuse_address = True
with socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Endpoint) as server:
    server.serve_forever()
