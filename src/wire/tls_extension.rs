//! The extensions of a TLS hello (RFC 8446, section 4.2), and the bodies that flowsift reads.
//!
//! ```text
//! extension:  0 type (2)   2 length (2)   4 body
//! ```
//!
//! The walk yields whole extensions until the bytes end or stop making sense; what came before
//! stays. So one odd extension, or a hello cut by the capture, costs only what lies behind it.

use super::cursor::Cursor;

/// Extension types (IANA "TLS ExtensionType Values").
pub mod kind {
    pub const SERVER_NAME: u16 = 0;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    /// The drafts 8 to 10 of the same.
    pub const ENCRYPTED_CLIENT_HELLO_DRAFTS: std::ops::RangeInclusive<u16> = 0xfe08..=0xfe0a;
    /// Its ancestor, encrypted_server_name.
    pub const ESNI: u16 = 0xffce;
}

/// One extension, its body not yet looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    pub kind: u16,
    pub body: &'a [u8],
}

/// The extensions of one hello, in its order.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    rest: Cursor<'a>,
}

impl<'a> Extensions<'a> {
    /// Over the bytes behind the two that give the list's length.
    pub fn new(list: &'a [u8]) -> Self {
        Extensions {
            rest: Cursor::new(list),
        }
    }

    /// The body of the first extension of this kind.
    pub fn body_of(&self, kind: u16) -> Option<&'a [u8]> {
        let mut all = self.clone();
        all.find(|e| e.kind == kind).map(|e| e.body)
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let kind = self.rest.u16()?;
        let body = self.rest.vector16()?.rest();
        Some(Extension { kind, body })
    }
}

/// RFC 8701: values of the form 0xNaNa are noise that a peer must ignore.
#[inline]
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// server_name (RFC 6066, section 3): the first entry of type host_name.
pub fn host_name(body: &[u8]) -> Option<&[u8]> {
    const HOST_NAME: u8 = 0;
    let mut list = Cursor::new(body).vector16()?;
    loop {
        let name_type = list.u8()?;
        let name = list.vector16()?;
        if name_type == HOST_NAME {
            return Some(name.rest());
        }
    }
}

/// application_layer_protocol_negotiation (RFC 7301, section 3.1): the names in the client's order.
pub fn protocol_names(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = Cursor::new(body).vector16();
    std::iter::from_fn(move || Some(list.as_mut()?.vector8()?.rest()))
}

/// supported_versions of a ClientHello (RFC 8446, section 4.2.1), GREASE included.
pub fn supported_versions(body: &[u8]) -> impl Iterator<Item = u16> {
    numbers(Cursor::new(body).vector8())
}

/// supported_versions of a ServerHello: the one version chosen.
pub fn selected_version(body: &[u8]) -> Option<u16> {
    Cursor::new(body).u16()
}

/// signature_algorithms (RFC 8446, section 4.2.3) in the client's order.
pub fn signature_algorithms(body: &[u8]) -> impl Iterator<Item = u16> {
    numbers(Cursor::new(body).vector16())
}

fn numbers(mut list: Option<Cursor<'_>>) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || list.as_mut()?.u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// server_name "ex.io", an empty extension, supported_versions (GREASE, 1.3), ALPN h2 and http/1.1.
    const LIST: &[u8] = &[
        0, 0, 0, 10, 0, 8, 0, 0, 5, b'e', b'x', b'.', b'i', b'o', 0, 23, 0, 0, 0, 43, 0, 5, 4, 0x1a, 0x1a, 3, 4, 0, 16,
        0, 14, 0, 12, 2, b'h', b'2', 8, b'h', b't', b't', b'p', b'/', b'1', b'.', b'1',
    ];

    #[test]
    fn bodies_are_read_in_order() {
        let list = Extensions::new(LIST);
        let kinds: Vec<u16> = list.clone().map(|e| e.kind).collect();
        assert_eq!(kinds, [0, 23, 43, 16]);
        assert_eq!(list.body_of(kind::SERVER_NAME).and_then(host_name), Some(&b"ex.io"[..]));
        let versions: Vec<u16> = supported_versions(list.body_of(kind::SUPPORTED_VERSIONS).unwrap()).collect();
        assert_eq!(versions, [0x1a1a, 0x0304]);
        let names: Vec<&[u8]> = protocol_names(list.body_of(kind::ALPN).unwrap()).collect();
        assert_eq!(names, [&b"h2"[..], b"http/1.1"]);
    }

    #[test]
    fn a_cut_list_gives_what_is_whole() {
        for cut in 0..LIST.len() {
            let whole = Extensions::new(&LIST[..cut]).count();
            let ends = [14, 18, 27, 45];
            assert_eq!(whole, ends.iter().filter(|e| **e <= cut).count());
        }
    }

    #[test]
    fn a_name_behind_another_type_is_found_and_a_short_list_is_none() {
        assert_eq!(host_name(&[0, 9, 7, 0, 1, b'x', 0, 0, 2, b'i', b'o']), Some(&b"io"[..]));
        assert_eq!(host_name(&[]), None);
        assert_eq!(host_name(&[0, 3, 0, 0, 9]), None);
    }

    #[test]
    fn grease_is_two_equal_bytes_ending_in_a() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x0304) && !is_grease(0x1301));
    }
}
