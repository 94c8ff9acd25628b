//! How a TCP connection attempt went: who asked, who answered, how it ended.
//!
//! A few bits, set by packets and read at the end. They are kept by side, because who the client is
//! is decided over the whole flow.

use super::expiry::Awaits;
use super::key::Side;
use crate::wire::packet::TcpFlags;

/// How the attempt stands, in the words of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TcpState {
    Closed,
    Reset,
    Refused,
    Prohibited,
    Unreachable,
    Unanswered,
    Open,
    Midstream,
}

impl TcpState {
    pub fn as_str(self) -> &'static str {
        match self {
            TcpState::Closed => "closed",
            TcpState::Reset => "reset",
            TcpState::Refused => "refused",
            TcpState::Prohibited => "prohibited",
            TcpState::Unreachable => "unreachable",
            TcpState::Unanswered => "unanswered",
            TcpState::Open => "open",
            TcpState::Midstream => "midstream",
        }
    }
}

/// What an ICMP error said of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpWord {
    /// Administratively prohibited, or, for TCP, port unreachable: what a packet filter's reject sends.
    Prohibited,
    /// No route, no host.
    Unreachable,
    /// The host itself says that nothing listens on this port: what a datagram to a closed one is answered with.
    Closed,
}

/// How an end tore a connection down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Reset,
}

/// What the packets so far have shown of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempt(u32);

// One bit a side: the bit for Side::Hi is the one for Side::Lo shifted left by one.
const SYN: u32 = 1;
const SYN_ACK: u32 = 1 << 2;
const FIN: u32 = 1 << 4;
const RST: u32 = 1 << 6;
const DATA: u32 = 1 << 8;
const ACK: u32 = 1 << 10;
const PROHIBITED: u32 = 1 << 12;
const UNREACHABLE: u32 = 1 << 13;
const CLOSED_BEFORE_RESET: u32 = 1 << 14;
const CLOSED: u32 = 1 << 15;
/// Two bits, by side: who tore it down first.
const ENDED: u32 = 1 << 16;
/// And did so with a reset.
const ENDED_BY_RESET: u32 = 1 << 18;
/// The client tore it down before its hello had been given time for an answer.
const LEFT_EARLY: u32 = 1 << 19;
/// Of data behind the handshake: the client's; the server's before that; the server's after that.
const CLIENT_WENT_ON: u32 = 1 << 20;
const SERVER_WENT_ON: u32 = 1 << 21;
const EXCHANGED: u32 = 1 << 22;
/// Two bits, by side: it is known where the side's stream begins.
const START_KNOWN: u32 = 1 << 23;
const BOTH: u32 = 3;

impl Attempt {
    /// Takes one packet's flags in.
    #[inline]
    pub fn packet(&mut self, side: Side, flags: TcpFlags, has_payload: bool) {
        let mut bits = 0;
        if has_payload {
            bits |= DATA;
        }
        if flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) != 0 {
            if flags.has(TcpFlags::SYN) {
                bits |= if flags.has(TcpFlags::ACK) { SYN_ACK } else { SYN };
            }
            if flags.has(TcpFlags::FIN) {
                bits |= FIN;
            }
            if flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0 && !self.any(ENDED) {
                bits |= ENDED;
                if flags.has(TcpFlags::RST) {
                    self.0 |= ENDED_BY_RESET;
                }
            }
            if flags.has(TcpFlags::RST) {
                bits |= RST;
                if self.both(FIN) {
                    self.0 |= CLOSED_BEFORE_RESET;
                }
            }
        } else if flags.has(TcpFlags::ACK) {
            bits |= ACK;
        }
        self.0 |= bits << side.index();
    }

    /// An ICMP error quoted a packet of the flow.
    pub fn icmp(&mut self, word: IcmpWord) {
        self.0 |= match word {
            IcmpWord::Prohibited => PROHIBITED,
            IcmpWord::Unreachable => UNREACHABLE,
            IcmpWord::Closed => CLOSED,
        };
    }

    /// What ICMP errors said, the gravest.
    pub fn icmp_word(self) -> Option<IcmpWord> {
        let said = |bit: u32, word| (self.0 & bit != 0).then_some(word);
        said(PROHIBITED, IcmpWord::Prohibited)
            .or(said(CLOSED, IcmpWord::Closed))
            .or(said(UNREACHABLE, IcmpWord::Unreachable))
    }

    /// Data was sent after everything of the handshake that can be read had been read.
    ///
    /// A flow of bulk data comes here with every packet: [`EXCHANGED`] is the early exit.
    #[inline]
    pub fn data_behind_handshake(&mut self, side: Side) {
        if self.0 & EXCHANGED == 0 {
            self.note_data_behind_handshake(side);
        }
    }

    fn note_data_behind_handshake(&mut self, side: Side) {
        let Some(client) = self.client() else { return };
        self.0 |= match (side == client, self.0 & CLIENT_WENT_ON != 0) {
            (true, _) => CLIENT_WENT_ON,
            (false, false) => SERVER_WENT_ON,
            (false, true) => EXCHANGED,
        };
    }

    /// Behind the handshake the client went on, and then the server did.
    pub fn exchanged(self) -> bool {
        self.0 & EXCHANGED != 0
    }

    /// Behind the handshake the server went on, whatever the client did.
    pub fn server_went_on(self) -> bool {
        self.0 & (EXCHANGED | SERVER_WENT_ON) != 0
    }

    /// Who tore the connection down first, and how.
    pub fn ended_first(self) -> Option<(Side, Ending)> {
        let ending = match self.0 & ENDED_BY_RESET != 0 {
            true => Ending::Reset,
            false => Ending::Finished,
        };
        match (self.0 / ENDED) & BOTH {
            0 => None,
            1 => Some((Side::Lo, ending)),
            _ => Some((Side::Hi, ending)),
        }
    }

    /// Notes that it is known where the side's stream begins; false if it was known already.
    #[inline]
    pub(super) fn note_start(&mut self, side: Side) -> bool {
        let is_new = !self.knows_start(side);
        self.0 |= START_KNOWN << side.index();
        is_new
    }

    #[inline]
    pub(super) fn knows_start(self, side: Side) -> bool {
        self.0 & START_KNOWN << side.index() != 0
    }

    pub fn leave_early(&mut self) {
        self.0 |= LEFT_EARLY;
    }

    pub fn left_early(self) -> bool {
        self.0 & LEFT_EARLY != 0
    }

    /// Who was answered: the client of a connection, or, where its start was not seen, None once both sides were heard.
    pub fn answered(self) -> Option<Option<Side>> {
        match self.client() {
            Some(client) => self.went_on(client.other()).then_some(Some(client)),
            None => (self.went_on(Side::Lo) && self.went_on(Side::Hi)).then_some(None),
        }
    }

    /// The client, if a SYN or its answer was seen.
    #[inline]
    pub fn client(self) -> Option<Side> {
        match (self.0 & BOTH, (self.0 / SYN_ACK) & BOTH) {
            (1, _) | (0, 2) => Some(Side::Lo),
            (2, _) | (0, 1) => Some(Side::Hi),
            _ => None,
        }
    }

    /// A SYN, or the answer to one, was seen.
    #[inline]
    pub fn saw_start(self) -> bool {
        self.0 & ((SYN * BOTH) | (SYN_ACK * BOTH)) != 0
    }

    pub fn saw_syn_ack(self) -> bool {
        self.any(SYN_ACK)
    }

    /// Both ends are done, or one of them tore the connection down.
    #[inline]
    pub fn is_over(self) -> bool {
        self.both(FIN) || self.any(RST)
    }

    /// Data was sent by `side`.
    #[inline]
    pub fn sent_data(self, side: Side) -> bool {
        self.0 & DATA << side.index() != 0
    }

    /// Beyond the bare SYN: `side` acknowledged, sent data or answered.
    pub fn went_on(self, side: Side) -> bool {
        self.0 & (ACK | DATA | SYN_ACK | FIN) << side.index() != 0
    }

    /// Any packet at all was seen from `side`.
    pub fn sent_anything(self, side: Side) -> bool {
        self.0 & (SYN | SYN_ACK | FIN | RST | DATA | ACK) << side.index() != 0
    }

    #[inline]
    pub fn awaits(self) -> Awaits {
        if self.is_over() {
            Awaits::Stragglers
        } else if self.any(SYN) && !self.any(SYN_ACK) && !self.any(ACK) && !self.any(DATA) {
            Awaits::Answer
        } else {
            Awaits::More
        }
    }

    /// The word at the end; `client` as decided over the whole flow.
    pub fn state(self, client: Side) -> TcpState {
        let server = client.other();
        // Who acknowledges has been answered, whether or not the answer was captured.
        let answered = self.any(SYN_ACK) || self.went_on(server) || self.0 & (ACK << client.index()) != 0;
        if !self.saw_start() {
            return TcpState::Midstream;
        }
        if !answered {
            return if self.0 & RST << server.index() != 0 {
                TcpState::Refused
            } else if self.0 & PROHIBITED != 0 {
                TcpState::Prohibited
            } else if self.0 & UNREACHABLE != 0 {
                TcpState::Unreachable
            } else {
                TcpState::Unanswered
            };
        }
        if self.any(RST) && self.0 & CLOSED_BEFORE_RESET == 0 {
            TcpState::Reset
        } else if self.both(FIN) {
            TcpState::Closed
        } else {
            TcpState::Open
        }
    }

    #[inline]
    fn any(self, bit: u32) -> bool {
        self.0 & (bit * BOTH) != 0
    }

    #[inline]
    fn both(self, bit: u32) -> bool {
        self.0 & (bit * BOTH) == bit * BOTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u8 = TcpFlags::SYN;
    const A: u8 = TcpFlags::ACK;
    const F: u8 = TcpFlags::FIN;
    const R: u8 = TcpFlags::RST;

    fn after(packets: &[(Side, u8)]) -> Attempt {
        let mut attempt = Attempt::default();
        for &(side, flags) in packets {
            attempt.packet(side, TcpFlags(flags), false);
        }
        attempt
    }

    #[test]
    fn every_ending_has_its_word() {
        use Side::{Hi, Lo};
        let cases: &[(&[(Side, u8)], TcpState)] = &[
            (
                &[(Lo, S), (Hi, S | A), (Lo, A), (Lo, F | A), (Hi, F | A), (Lo, A)],
                TcpState::Closed,
            ),
            (
                &[(Lo, S), (Hi, S | A), (Lo, A), (Lo, F | A), (Hi, F | A), (Lo, R)],
                TcpState::Closed,
            ),
            (&[(Lo, S), (Hi, S | A), (Lo, A), (Hi, R)], TcpState::Reset),
            (&[(Lo, S), (Hi, R | A)], TcpState::Refused),
            (&[(Lo, S), (Lo, S)], TcpState::Unanswered),
            (&[(Lo, S), (Hi, S | A), (Lo, A)], TcpState::Open),
            (&[(Lo, S), (Lo, A), (Lo, F | A)], TcpState::Open),
            (&[(Lo, A), (Hi, A)], TcpState::Midstream),
        ];
        for (packets, wanted) in cases {
            assert_eq!(after(packets).state(Lo), *wanted, "{packets:?}");
        }
        let mut filtered = after(&[(Lo, S)]);
        filtered.icmp(IcmpWord::Prohibited);
        assert_eq!(filtered.state(Lo), TcpState::Prohibited);
        let mut answered = after(&[(Lo, S), (Hi, S | A), (Lo, A)]);
        answered.icmp(IcmpWord::Unreachable);
        assert_eq!(answered.state(Lo), TcpState::Open);
    }

    #[test]
    fn who_tore_it_down_first_is_remembered() {
        use Side::{Hi, Lo};
        let begun = [(Lo, S), (Hi, S | A), (Lo, A)];
        let ended = |more: &[(Side, u8)]| after(&[&begun, more].concat()).ended_first();
        assert_eq!(ended(&[]), None);
        assert_eq!(ended(&[(Hi, R), (Lo, R)]), Some((Hi, Ending::Reset)));
        assert_eq!(ended(&[(Lo, F | A), (Hi, R)]), Some((Lo, Ending::Finished)));
        assert_eq!(ended(&[(Hi, F | A), (Lo, F | A)]), Some((Hi, Ending::Finished)));
    }

    #[test]
    fn data_counts_as_exchanged_when_the_servers_follow_the_clients() {
        use Side::{Hi, Lo};
        let mut attempt = after(&[(Lo, S), (Hi, S | A), (Lo, A)]);
        attempt.data_behind_handshake(Hi);
        assert!(!attempt.exchanged() && attempt.server_went_on());
        attempt.data_behind_handshake(Lo);
        assert!(!attempt.exchanged());
        attempt.data_behind_handshake(Hi);
        assert!(attempt.exchanged());
        assert!(!after(&[(Lo, S)]).server_went_on());
    }

    #[test]
    fn who_was_answered() {
        use Side::{Hi, Lo};
        assert_eq!(after(&[(Lo, S), (Lo, S)]).answered(), None);
        assert_eq!(after(&[(Lo, S), (Hi, R | A)]).answered(), None);
        assert_eq!(after(&[(Hi, S), (Lo, S | A)]).answered(), Some(Some(Hi)));
        assert_eq!(after(&[(Hi, A)]).answered(), None);
        assert_eq!(after(&[(Hi, A), (Lo, A)]).answered(), Some(None));
    }

    #[test]
    fn the_client_is_who_sent_the_syn_or_got_its_answer() {
        assert_eq!(after(&[(Side::Hi, S)]).client(), Some(Side::Hi));
        assert_eq!(after(&[(Side::Hi, S | A)]).client(), Some(Side::Lo));
        assert_eq!(after(&[(Side::Hi, A)]).client(), None);
    }
}
