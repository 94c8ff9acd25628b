//! The bodies of the two hellos (RFC 8446, section 4.1; RFC 5246, section 7.4.1), up to their extensions.
//!
//! ```text
//! ClientHello   0 version (2)   2 random (32)   34 session id <0..32>   cipher suites <2 in front>   compressions <1>   extensions <2>
//! ServerHello   0 version (2)   2 random (32)   34 session id <0..32>   cipher suite (2)   compression (1)   extensions <2>
//! ```
//!
//! Nothing is copied. A body that is shorter than its own fields is none; a block of extensions that claims more than
//! there is is left to the caller as it is, since what stands in it can be read all the same.

use super::cursor::Cursor;
use super::tls_extension::Extensions;

pub const RANDOM: usize = 32;
/// RFC 8446, section 4.1.2: `opaque legacy_session_id<0..32>`.
const MAX_SESSION_ID: usize = 32;
const SSL3: u16 = 0x0300;

/// The body of a whole ClientHello.
#[derive(Debug, Clone)]
pub struct ClientHello<'a> {
    pub version: u16,
    ciphers: &'a [u8],
    /// With a length that does not fit: whatever is behind it.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    pub fn parse(body: &'a [u8]) -> Option<ClientHello<'a>> {
        let mut c = Cursor::new(body);
        let (version, _random) = front(&mut c)?;
        let ciphers = c.vector16()?.rest();
        if !ciphers.len().is_multiple_of(2) {
            return None;
        }
        let _compressions = c.vector8()?;
        let list = { c }.vector16().unwrap_or_else(|| unsized_list(c));
        Some(ClientHello {
            version,
            ciphers,
            extensions: Extensions::new(list.rest()),
        })
    }

    /// The cipher suites in the client's order, GREASE included.
    pub fn ciphers(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.ciphers.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair))
    }
}

/// The body of a whole ServerHello of SSL 3.0 to TLS 1.3; drafts and DTLS have their own.
#[derive(Debug, Clone)]
pub struct ServerHello<'a> {
    pub version: u16,
    pub random: &'a [u8; RANDOM],
    pub cipher: u16,
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    pub fn parse(body: &'a [u8]) -> Option<ServerHello<'a>> {
        let mut c = Cursor::new(body);
        let (version, random) = front(&mut c)?;
        let cipher = c.u16()?;
        let _compression = c.u8()?;
        // SSL 3.0 knows no extensions: what follows is none.
        let list = c.vector16().filter(|_| version != SSL3);
        Some(ServerHello {
            version,
            random,
            cipher,
            extensions: Extensions::new(list.map_or(&[], |list| list.rest())),
        })
    }
}

/// What both begin with; passes over the session id.
fn front<'a>(c: &mut Cursor<'a>) -> Option<(u16, &'a [u8; RANDOM])> {
    let version = c.u16()?;
    let random = c.take(RANDOM)?.first_chunk()?;
    let session_id = c.vector8()?;
    (session_id.left() <= MAX_SESSION_ID).then_some((version, random))
}

/// What stands behind a length that is not to be trusted.
fn unsized_list(mut c: Cursor<'_>) -> Cursor<'_> {
    c.u16().map_or(Cursor::new(&[]), |_| c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tls_parser::{parse_tls_handshake_client_hello, parse_tls_handshake_server_hello};

    use super::*;

    /// A client's body: session id of 2, ciphers 1301 and c02f, no compression, one empty extension.
    fn client() -> Vec<u8> {
        let front = [&[3, 3][..], &[7; RANDOM], &[2, 9, 9]].concat();
        [&front[..], &[0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0, 0, 4, 0, 23, 0, 0]].concat()
    }

    fn server(version: u8) -> Vec<u8> {
        let front = [&[3, version][..], &[7; RANDOM], &[0, 0xc0, 0x2f, 0]].concat();
        [&front[..], &[0, 4, 0, 23, 0, 0]].concat()
    }

    fn kinds(extensions: Extensions<'_>) -> Vec<u16> {
        extensions.map(|e| e.kind).collect()
    }

    #[test]
    fn both_are_read_field_by_field() {
        let body = client();
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!((hello.version, kinds(hello.extensions.clone())), (0x0303, vec![23]));
        assert_eq!(hello.ciphers().collect::<Vec<_>>(), [0x1301, 0xc02f]);
        let body = server(1);
        let hello = ServerHello::parse(&body).unwrap();
        assert_eq!(
            (hello.version, hello.cipher, hello.random),
            (0x0301, 0xc02f, &[7; RANDOM])
        );
        assert_eq!(kinds(hello.extensions), [23]);
        assert!(kinds(ServerHello::parse(&server(0)).unwrap().extensions).is_empty());
    }

    #[test]
    fn extensions_behind_a_length_that_lies_are_read_all_the_same() {
        let mut body = client();
        let at = body.len() - 6;
        body[at] = 0xff;
        assert_eq!(kinds(ClientHello::parse(&body).unwrap().extensions), [23]);
    }

    proptest! {
        /// tls-parser, where both know the answer, is the judge of every cut and every damage.
        #[test]
        fn as_tls_parser_reads_them(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            version in 0u8..4,
        ) {
            for whole in [client(), server(version)] {
                let mut body = whole;
                for (place, value) in &changes {
                    let place = place.index(body.len());
                    body[place] = *value;
                }
                for body in [&body[..], &body[..cut.index(body.len())]] {
                    let theirs = parse_tls_handshake_client_hello(body).ok();
                    let ours = ClientHello::parse(body);
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    if let (Some(ours), Some((rest, theirs))) = (ours, theirs) {
                        let behind = rest.get(2..).unwrap_or(&[]);
                        let list = Extensions::new(theirs.ext.unwrap_or(behind));
                        prop_assert_eq!(ours.version, theirs.version.0);
                        prop_assert!(ours.ciphers().eq(theirs.ciphers.iter().map(|c| c.0)));
                        prop_assert_eq!(kinds(ours.extensions), kinds(list));
                    }
                    let theirs = parse_tls_handshake_server_hello(body).ok();
                    let ours = ServerHello::parse(body).filter(|hello| (0x0300..=0x0303).contains(&hello.version));
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    if let (Some(ours), Some((_, theirs))) = (ours, theirs) {
                        prop_assert_eq!((ours.version, ours.cipher), (theirs.version.0, theirs.cipher.0));
                        prop_assert_eq!(&ours.random[..], theirs.random);
                        prop_assert_eq!(kinds(ours.extensions), kinds(Extensions::new(theirs.ext.unwrap_or(&[]))));
                    }
                }
            }
        }
    }
}
