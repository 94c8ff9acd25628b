//! DNS messages (RFC 1035, 4): header, questions, and the records that name addresses.
//!
//! ```text
//!  0        2        4         6         8         10        12
//! |  id    | flags  | questions| answers | authority| additional| question ... | record ...
//!
//! question:  name | type 2 | class 2
//! record:    name | type 2 | class 2 | ttl 4 | length 2 | data
//! flags:     QR 1 | opcode 4 | AA TC RD RA | Z AD CD | rcode 4
//! ```
//!
//! The counts of the header are claims of the sender: what is there is read, at most as much as was
//! claimed, and a message that ends early (TC, snaplen, or a lie) ends the iteration without an error.
//! An error is left for what cannot be meant: a pointer that loops, a label of no known kind.
//! Nothing is copied; names are read where they stand ([`Name`]).

use crate::wire::cursor::Cursor;

mod name;
mod record;
mod service;

pub use name::{MAX_NAME_BYTES, MAX_POINTERS, Name};
pub use record::{Data, Record, Records, Section};
pub use service::{Service, ech_public_name};

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;

const FLAG_RESPONSE: u16 = 0x8000;
const FLAG_TRUNCATED: u16 = 0x0200;
const FLAG_RESERVED: u16 = 0x0040;
const OPCODE_SHIFT: u32 = 11;
const OPCODE_MASK: u16 = 0x0f;
const RCODE_MASK: u16 = 0x000f;

/// Opcodes that flowsift tells apart (RFC 1035, 4.1.1).
pub const OPCODE_QUERY: u8 = 0;
/// The highest opcode assigned: DSO (RFC 8490).
const OPCODE_LAST: u8 = 6;

/// Record types (IANA "Resource Record (RR) TYPEs").
pub mod kind {
    pub const A: u16 = 1;
    pub const CNAME: u16 = 5;
    pub const AAAA: u16 = 28;
    pub const OPT: u16 = 41;
    pub const SVCB: u16 = 64;
    pub const HTTPS: u16 = 65;
}

/// Classes (RFC 1035, 3.2.4; RFC 2136, 2.4 for NONE).
pub mod class {
    pub const IN: u16 = 1;
    pub const CHAOS: u16 = 3;
    pub const HESIOD: u16 = 4;
    pub const NONE: u16 = 254;
    pub const ANY: u16 = 255;
    /// RFC 6762, 18: multicast DNS keeps the top bit for itself ("unicast answer wanted", "replace what you know").
    pub const MDNS_BIT: u16 = 0x8000;
}

/// What the sender of a message did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsError {
    /// Shorter than a header.
    HeaderCut,
    /// A name runs past the end of the message.
    NameCut,
    /// A name longer than 255 bytes.
    NameTooLong,
    /// A label of no known kind (the bits 01 and 10).
    LabelKind,
    /// A pointer to itself or to what comes later: a loop, or the start of one.
    PointerForward,
    /// A pointer into the header.
    PointerIntoHeader,
    /// A name of more than [`MAX_POINTERS`] pointers.
    TooManyPointers,
    /// An A record that has not 4 bytes, an AAAA record that has not 16.
    AddressLength,
    /// SVCB or HTTPS data too short for its priority.
    ServiceCut,
}

/// A message whose header is whole.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    pub id: u16,
    flags: u16,
    /// Questions, answers, authority, additional: as claimed.
    counts: [u16; 4],
}

impl<'a> Message<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, DnsError> {
        Self::header(bytes).ok_or(DnsError::HeaderCut)
    }

    fn header(bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut cursor = Cursor::new(bytes);
        Some(Message {
            bytes,
            id: cursor.u16()?,
            flags: cursor.u16()?,
            counts: [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?],
        })
    }

    /// QR: an answer, not a question.
    pub fn is_response(&self) -> bool {
        self.flags & FLAG_RESPONSE != 0
    }

    pub fn opcode(&self) -> u8 {
        (self.flags >> OPCODE_SHIFT & OPCODE_MASK) as u8
    }

    /// TC: the sender left something out.
    pub fn is_truncated(&self) -> bool {
        self.flags & FLAG_TRUNCATED != 0
    }

    /// The four bits of the header; [`Record::extended_rcode`] has eight more.
    pub fn rcode(&self) -> u16 {
        self.flags & RCODE_MASK
    }

    /// The first question; None where there is none, or where the message ends inside it. More than one question
    /// is nothing that anybody answers (RFC 9619, 4), so the first one counts.
    pub fn question(&self) -> Result<Option<Question<'a>>, DnsError> {
        let [questions, ..] = self.counts;
        let mut cursor = Cursor::new(self.bytes);
        if questions == 0 || cursor.take(HEADER_BYTES).is_none() {
            return Ok(None);
        }
        let name = match Name::read(self.bytes, &mut cursor) {
            Err(DnsError::NameCut) => return Ok(None),
            name => name?,
        };
        let (Some(kind), Some(class)) = (cursor.u16(), cursor.u16()) else {
            return Ok(None);
        };
        Ok(Some(Question { name, kind, class }))
    }

    /// All records behind the questions, in their order.
    pub fn records(&self) -> Records<'a> {
        let [questions, sections @ ..] = self.counts;
        let mut cursor = Cursor::new(self.bytes);
        let begun = cursor.take(HEADER_BYTES).is_some();
        if begun && (0..questions).all(|_| skip_question(&mut cursor).is_some()) {
            Records::new(self.bytes, cursor, sections)
        } else {
            Records::new(self.bytes, Cursor::new(&[]), [0; 3])
        }
    }

    /// The records of the answer section alone.
    pub fn answers(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.records().take_while(|record| record.section == Section::Answer)
    }

    /// Looks once over all records, and into none.
    pub fn outline(&self) -> Outline {
        let mut upper = None;
        let mut has_aliases = false;
        for record in self.records() {
            upper = upper.or(record.extended_rcode());
            has_aliases |= record.section == Section::Answer && record.kind == kind::CNAME;
        }
        Outline {
            rcode: u16::from(upper.unwrap_or(0)) << 4 | self.rcode(),
            has_aliases,
        }
    }
}

/// What the records tell without their names and data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// The response code, with the upper bits that EDNS adds (RFC 6891, 6.1.3).
    pub rcode: u16,
    /// There are CNAME records among the answers.
    pub has_aliases: bool,
}

fn skip_question(cursor: &mut Cursor<'_>) -> Option<()> {
    name::skip(cursor).ok()?;
    cursor.take(4).map(|_| ())
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub name: Name<'a>,
    pub kind: u16,
    pub class: u16,
}

/// Whether a payload reads as a DNS message: a sane header, then a whole question of a known class, or,
/// without questions, a record of one. What the capture cut off behind that does not matter.
pub fn looks_like_dns(bytes: &[u8]) -> bool {
    let Ok(message) = Message::parse(bytes) else {
        return false;
    };
    // RFC 1035, 4.1.1: Z must be zero. Opcode 3 is not assigned.
    if message.flags & FLAG_RESERVED != 0 || message.opcode() == 3 || message.opcode() > OPCODE_LAST {
        return false;
    }
    let known_class = |c: u16| {
        matches!(
            c & !class::MDNS_BIT,
            class::IN | class::CHAOS | class::HESIOD | class::NONE | class::ANY
        )
    };
    match message.question() {
        Ok(Some(question)) => question.kind != 0 && known_class(question.class) && !is_netbios_name(&question.name),
        Ok(None) if message.counts == [0; 4] => {
            // A server that refuses without repeating the question sends a bare header.
            message.is_response() && message.rcode() != 0 && bytes.len() == HEADER_BYTES
        }
        Ok(None) if message.counts.first() == Some(&0) => message
            .records()
            .next()
            .is_some_and(|r| (known_class(r.class) || r.kind == kind::OPT) && is_dns_owner(&r)),
        _ => false,
    }
}

/// Whether a payload is a client's question and nothing else, to its last byte: a shape that no other protocol takes by
/// chance, so that it is known on any port. Behind the question there may be one record of the root: EDNS (RFC 6891, 6.1.2),
/// or what DNSCrypt pads its questions with.
pub fn is_lone_question(bytes: &[u8]) -> bool {
    /// What a client sets: RD (RFC 1035, 4.1.1), AD and CD (RFC 6840, 5.7 and 5.9).
    const CLIENT_FLAGS: u16 = 0x0130;
    let Ok(message) = Message::parse(bytes) else {
        return false;
    };
    let [1, 0, 0, additional @ (0 | 1)] = message.counts else {
        return false;
    };
    if message.flags & !CLIENT_FLAGS != 0 || !looks_like_dns(bytes) {
        return false;
    }
    let Ok(Some(question)) = message.question() else {
        return false;
    };
    let written = |label: &[u8]| label.iter().all(u8::is_ascii_graphic);
    let named = !question.name.is_root() && question.name.labels().all(written);
    let mut records = message.records();
    let of_root = |record: &Record<'_>| record.owner().is_ok_and(|owner| owner.is_root());
    let behind = records.by_ref().filter(of_root).count();
    named && question.class == class::IN && behind == usize::from(additional) && records.left() == 0
}

fn is_dns_owner(record: &Record<'_>) -> bool {
    record.owner().is_ok_and(|owner| !is_netbios_name(&owner))
}

/// RFC 1001, 14.1: NetBIOS borrows DNS's messages, and writes its names as one label of 32 letters `A` to `P`.
fn is_netbios_name(name: &Name<'_>) -> bool {
    name.labels()
        .next()
        .is_some_and(|label| label.len() == 32 && label.iter().all(|letter| (b'A'..=b'P').contains(letter)))
}

/// [`looks_like_dns`] for the first bytes of a TCP stream: RFC 1035, 4.2.2 puts a two-byte length in front of each message.
pub fn looks_like_dns_over_tcp(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes);
    let long_enough = cursor.u16().is_some_and(|n| usize::from(n) >= HEADER_BYTES);
    long_enough && looks_like_dns(cursor.rest())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn text(name: &Name<'_>) -> String {
        let labels: Vec<_> = name.labels().map(String::from_utf8_lossy).collect();
        labels.join(".")
    }

    fn shown(record: &Record<'_>) -> String {
        let owner = text(&record.owner().unwrap());
        match record.data().unwrap() {
            Data::A(a) => format!("{owner} {a}"),
            Data::Aaaa(a) => format!("{owner} {a}"),
            Data::Cname(target) => format!("{owner} -> {}", text(&target)),
            Data::Service(s) => format!("{owner} {} {:?}", s.priority, text(&s.target)),
            Data::Other => format!("{owner} type {}", record.kind),
        }
    }

    /// An answer for www.github.com, as a resolver sent it.
    const GITHUB: &str = "e03981800001000200040004037777770667697468756203636f6d0000010001
        c00c00050001000007bc0002c010 c01000010001000000040004c01efc80
        c01000020001000001480014036e7333037031360664796e656374036e657400
        c01000020001000001480006036e7332c04e c01000020001000001480006036e7334c04e
        c01000020001000001480006036e7331c04e c06a0001000100000e1000040a025f0c
        c04a0001000100000e1000040a025f0c c08e0001000100000e1000040a025f0c c07c0001000100000e1000040a025f0c";

    /// cloudflare.com's HTTPS record, as a resolver sent it.
    const HTTPS: &str = "d75c81a000010001000000000a636c6f7564666c61726503636f6d0000410001
        c00c0041000100000117003d 0001 00 000100060268330268320004 0008681084e5681085e5
        0006002026064700000000000000000068108 4e526064700000000000000000068 1085e5";

    #[test]
    fn a_real_answer_is_read_to_its_last_record() {
        let whole = bytes(GITHUB);
        let message = Message::parse(&whole).unwrap();
        assert!(message.is_response() && !message.is_truncated());
        assert_eq!((message.id, message.opcode()), (0xe039, OPCODE_QUERY));
        let question = message.question().unwrap().unwrap();
        assert_eq!(text(&question.name), "www.github.com");
        assert_eq!((question.kind, question.class), (kind::A, class::IN));
        let answers: Vec<_> = message.answers().map(|r| shown(&r)).collect();
        assert_eq!(answers, ["www.github.com -> github.com", "github.com 192.30.252.128"]);
        let records: Vec<_> = message.records().collect();
        assert_eq!(records.len(), 10);
        assert_eq!(records[0].ttl(), 1980);
        assert_eq!(records[9].section, Section::Additional);
        assert_eq!(shown(&records[9]), "ns4.p16.dynect.net 10.2.95.12");
        assert!(looks_like_dns(&whole));
    }

    #[test]
    fn every_cut_keeps_what_is_whole() {
        let whole = bytes(GITHUB);
        let all: Vec<_> = Message::parse(&whole).unwrap().records().collect();
        for end in HEADER_BYTES..whole.len() {
            let message = Message::parse(&whole[..end]).unwrap();
            let kept: Vec<_> = message.records().map(|r| shown(&r)).collect();
            assert!(kept.len() < all.len());
            for (cut, full) in kept.iter().zip(&all) {
                assert_eq!(*cut, shown(full));
            }
            assert_eq!(message.question().unwrap().is_some(), end >= 32);
        }
        assert!(Message::parse(&whole[..11]).is_err());
        // The capture ended behind the last answer.
        assert_eq!(Message::parse(&whole[..64]).unwrap().answers().count(), 2);
    }

    #[test]
    fn counts_are_never_trusted() {
        let mut whole = bytes(GITHUB);
        whole[4..12].fill(0xff);
        // 65535 questions are claimed: the first one is read, and no record is taken for what it is not.
        let message = Message::parse(&whole).unwrap();
        assert!(message.question().unwrap().is_some());
        assert_eq!(message.records().count(), 0);
        whole[4..6].copy_from_slice(&[0, 1]);
        let message = Message::parse(&whole).unwrap();
        assert_eq!(message.records().count(), 10);
        whole[6..8].fill(0);
        assert_eq!(Message::parse(&whole).unwrap().answers().count(), 0);
    }

    #[test]
    fn edns_widens_the_response_code() {
        // BADVERS (16): upper bits 1, lower bits 0; payload size 1232.
        let whole = bytes("1234 8180 0000 0000 0000 0001  00 0029 04d0 01 00 0000 0000");
        let message = Message::parse(&whole).unwrap();
        assert_eq!((message.rcode(), message.outline().rcode), (0, 16));
        let opt = message.records().next().unwrap();
        assert_eq!(opt.udp_payload_size(), Some(1232));
        assert!(looks_like_dns(&whole));
    }

    #[test]
    fn hints_of_an_https_record_are_read() {
        let whole = bytes(HTTPS);
        let record = Message::parse(&whole).unwrap().records().next().unwrap();
        let Ok(Data::Service(service)) = record.data() else {
            panic!("no service")
        };
        assert!(service.target.is_root() && !service.is_alias());
        let v4: Vec<_> = service.ipv4_hints().map(|a| a.to_string()).collect();
        assert_eq!(v4, ["104.16.132.229", "104.16.133.229"]);
        let v6: Vec<_> = service.ipv6_hints().map(|a| a.to_string()).collect();
        assert_eq!(v6, ["2606:4700::6810:84e5", "2606:4700::6810:85e5"]);
        assert_eq!(service.ech(), None);
    }

    #[test]
    fn an_address_of_another_length_is_malformed() {
        let whole =
            bytes("1234 8180 0000 0002 0000 0000  00 0001 0001 00000000 0003 010203  00 001c 0001 80000001 0002 0102");
        let records: Vec<_> = Message::parse(&whole).unwrap().records().collect();
        for record in &records {
            assert_eq!(record.data().err(), Some(DnsError::AddressLength));
        }
        assert_eq!(records[1].ttl(), 0, "a negative ttl is none");
    }

    #[test]
    fn a_lone_question_is_known_by_itself() {
        let plain = bytes("e0380100 0001 0000 0000 0000 0377777706676974687562 03636f6d 00 0001 0001");
        let options = bytes("00 0029 10000000 0000 0000");
        let mut with_options = [&plain[..], &options].concat();
        with_options[11] = 1;
        let padding = bytes("00 0000 0000 00000000 0003 000000");
        let padded = [&with_options[..plain.len()], &padding].concat();
        for question in [&plain, &with_options, &padded] {
            assert!(is_lone_question(question));
            assert!(!is_lone_question(&[&question[..], &[0]].concat()));
            for cut in 0..question.len() {
                assert!(!is_lone_question(&question[..cut]), "{cut}");
            }
        }
        // An answer, two questions, an answer in a question, a byte that no name has, another class.
        for (at, byte) in [(2, 0x81), (5, 2), (7, 1), (13, 0x07), (plain.len() - 1, 3)] {
            let mut other = plain.clone();
            other[at] = byte;
            assert!(!is_lone_question(&other), "{at}");
        }
        assert!(!is_lone_question(&bytes(GITHUB)));
        let root = bytes("e0380100 0001 0000 0000 0000 00 0002 0001");
        assert!(!is_lone_question(&root));
    }

    #[test]
    fn other_payloads_do_not_look_like_dns() {
        assert!(looks_like_dns(&bytes(HTTPS)));
        assert!(looks_like_dns_over_tcp(&[&[0, 91][..], &bytes(HTTPS)].concat()));
        assert!(looks_like_dns(&bytes("1234 8005 0000 0000 0000 0000")));
        for other in [
            &b""[..],
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00",
            b"\x00\x01\x00\x00\x21\x12\xa4\x42\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\x91\x02\x01\x10\0\x01\0\0\0\0\0\0\x20EJFDEBFEEBFACACACACACACACACACAAA\0\0\x20\0\x01",
            &[0; 12],
            &[0; 64],
            &[0xff; 64],
        ] {
            assert!(!looks_like_dns(other), "{other:02x?}");
            assert!(!looks_like_dns_over_tcp(other), "{other:02x?}");
        }
    }
}
