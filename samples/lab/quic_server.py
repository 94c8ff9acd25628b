#!/usr/bin/env python3
"""A web server that speaks HTTP/3 over QUIC and nothing else: the laboratory's, for capture.sh and tests/live.rs.

    quic_server.py CERTIFICATE KEY PAGE ADDRESS[:PORT]=MANNER...

The file PAGE is the answer to every request. One process serves any number of addresses, each in a manner of its own:

    plain       answers, and closes a connection that was silent for a second; gives out tickets for 0-RTT
    retry       first wants the address confirmed (RFC 9000, section 8.1.2)
    v2          knows QUIC version 2 alone and answers all else with a Version Negotiation packet

Prints "listening" when all sockets are open, and then a line for each request: the host and the path. Needs aioquic
(pip install aioquic).
"""

import asyncio
import functools
import pathlib
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from aioquic.quic.packet import QuicProtocolVersion

# Long enough for a browser to load a page, short enough that it comes back with a ticket and a new connection.
SILENCE_S = 1.0


class Web(QuicConnectionProtocol):
    """Answers every request with the page."""

    def __init__(self, *arguments, page, **named):
        super().__init__(*arguments, **named)
        self.page = page
        self.http = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is None:
            return
        for http_event in self.http.handle_event(event):
            if isinstance(http_event, HeadersReceived):
                self.answer(http_event)

    def answer(self, request):
        asked = dict(request.headers)
        length = str(len(self.page)).encode()
        headers = [(b":status", b"200"), (b"content-type", b"text/html"), (b"content-length", length)]
        self.http.send_headers(request.stream_id, headers)
        self.http.send_data(request.stream_id, self.page, end_stream=True)
        self.transmit()
        print(asked.get(b":authority", b"").decode(), asked.get(b":path", b"").decode(), flush=True)


async def main():
    certificate, key, page, *places = sys.argv[1:]
    page = pathlib.Path(page).read_bytes()
    tickets = {}
    for place in places:
        address, manner = place.split("=")
        host, _, port = address.partition(":")
        configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, idle_timeout=SILENCE_S)
        configuration.load_cert_chain(certificate, key)
        if manner == "v2":
            configuration.supported_versions = [QuicProtocolVersion.VERSION_2]
        await serve(
            host,
            int(port or 443),
            configuration=configuration,
            create_protocol=functools.partial(Web, page=page),
            session_ticket_fetcher=lambda label: tickets.pop(label, None),
            session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket),
            retry=manner == "retry",
        )
    print("listening", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
