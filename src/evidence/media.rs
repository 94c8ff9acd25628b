//! A flow of media, and what prepares it: STUN, DTLS and RTP on the same two ports.
//!
//! RFC 7983 tells them apart by the first byte; here each is known by more than that. A call begins with STUN, goes on with
//! DTLS, whose hello names nobody but tells versions and a certificate, and then there is RTP for hours. So a flow
//! that began with one of them is looked at for some more datagrams, and ends up as the strongest that was found:
//!
//! ```text
//! unknown < rtp < stun < dtls
//! ```
//!
//! Who is the server of a media flow is told by its port: in a call either end may send first, and may be the client of the DTLS
//! inside, as the two agreed elsewhere (RFC 5763, section 5). Only where no port tells, the hello does.

use crate::evidence::dtls_handshake::DtlsProbe;
use crate::evidence::identify::media_server;
use crate::evidence::model::{App, Quality, TlsFacts};
use crate::evidence::quic_handshake::Datagram;
use crate::evidence::tls_handshake::TlsMarks;
use crate::flow::key::Side;
use crate::wire::dtls::{begins_sealed, looks_like_dtls};
use crate::wire::rtp;
use crate::wire::stun::{self, Class};

/// Datagrams of STUN that are looked at: both ends check several paths before one is taken. As many of any kind may come
/// amidst a handshake.
const MAX_STUN: u8 = 64;
/// Datagrams that are neither STUN nor DTLS.
const MAX_OTHER: u8 = 16;
/// Of those, how many may go by before anything is told at all.
const MAX_UNTOLD: u8 = 6;
/// Below it, ports are of services: whoever sits there was asked, whatever it sends.
const FIRST_FREE_PORT: u16 = 1024;

/// One flow's media, in both directions.
#[derive(Debug, Default)]
pub struct MediaProbe {
    app: App,
    client: Option<Side>,
    dtls: DtlsProbe,
    /// Each side's last packet of RTP, or of what looks so.
    last: [Option<rtp::Packet>; 2],
    stun: u8,
    other: u8,
}

impl MediaProbe {
    /// Whether a datagram that is nothing else may be the first of a stream of media.
    pub fn may_begin(datagram: &[u8]) -> bool {
        rtp::Packet::parse(datagram).is_some()
    }

    /// Reads a datagram, in capture order.
    pub fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        ports: [u16; 2],
        facts: &mut Option<Box<TlsFacts>>,
        marks: &mut TlsMarks,
    ) {
        let bytes = datagram.bytes;
        let server = media_server(ports);
        if let Some(class) = stun::message(bytes) {
            self.stun(datagram.side, class, ports);
        } else if server.is_some()
            && let Some(class) = stun::classic_message(bytes)
        {
            self.stun(datagram.side, class, ports);
        } else if looks_like_dtls(bytes, datagram.cut) || self.app == App::Dtls && begins_sealed(bytes) {
            self.app = App::Dtls;
            self.dtls.datagram(datagram, facts.get_or_insert_default(), marks);
            self.client = self.dtls.client().or(self.client);
        } else {
            self.other = self.other.saturating_add(1);
            self.media(datagram, server.is_some());
        }
        if let Some(server) = server {
            self.client = Some(server.other());
        }
    }

    /// The strongest that was found.
    pub fn app(&self) -> App {
        self.app
    }

    /// Who is to be seen as the client, where the flow's own bytes tell.
    pub fn client(&self) -> Option<Side> {
        self.client
    }

    /// Nothing more is to be learnt, or enough was looked at.
    pub fn is_done(&self) -> bool {
        match self.app {
            App::Dtls => self.dtls.is_done() || self.stun.max(self.other) >= MAX_STUN,
            App::Unknown => self.other >= MAX_UNTOLD,
            _ => self.stun >= MAX_STUN || self.other >= MAX_OTHER,
        }
    }

    /// What the handshake lacks: see [`DtlsProbe::quality`].
    pub fn quality(&self) -> Quality {
        self.dtls.quality()
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        size_of::<MediaProbe>() + self.dtls.bytes()
    }

    fn stun(&mut self, side: Side, class: Class, ports: [u16; 2]) {
        self.stun = self.stun.saturating_add(1);
        if self.app != App::Dtls {
            self.app = App::Stun;
        }
        let is_service = ports.iter().any(|port| *port < FIRST_FREE_PORT);
        // An answer that comes first: its question was before the capture.
        if self.stun == 1 && class == Class::Answer && !is_service {
            self.client.get_or_insert(side.other());
        }
    }

    /// RTP, where a port vouches for it, or where two packets of a side agree.
    fn media(&mut self, datagram: &Datagram<'_>, port_vouches: bool) {
        let Some(packet) = rtp::Packet::parse(datagram.bytes) else {
            return;
        };
        let Some(last) = self.last.get_mut(datagram.side.index()) else {
            return;
        };
        let goes_on = last.replace(packet).is_some_and(|last| packet.follows(&last));
        if self.app == App::Unknown && (port_vouches || goes_on) {
            self.app = App::Rtp;
        }
    }
}
