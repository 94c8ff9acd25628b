//! The data of SVCB and HTTPS records (RFC 9460): where a service is, and how to speak to it.
//!
//! ```text
//! | priority | target name | key | length | value | key | length | value | ...
//! |    2     |             |  2  |   2    |       |
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DnsError, Name};
use crate::wire::cursor::Cursor;

/// RFC 9460, 14.3.2: the parameters that are read.
const KEY_IPV4_HINT: u16 = 4;
const KEY_ECH: u16 = 5;
const KEY_IPV6_HINT: u16 = 6;

/// RFC 9849: the version of an ECHConfig that is understood.
const ECH_VERSION: u16 = 0xfe0d;

/// The data of one SVCB or HTTPS record.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// 0: an alias, see [`Service::is_alias`].
    pub priority: u16,
    /// The host of the service; the root stands for the record's owner.
    pub target: Name<'a>,
    params: &'a [u8],
}

impl<'a> Service<'a> {
    /// Reads the record data that begins at `start` and ends with `message`.
    pub(super) fn parse(message: &'a [u8], start: usize) -> Result<Self, DnsError> {
        let mut cursor = Cursor::new(message);
        cursor.take(start).ok_or(DnsError::ServiceCut)?;
        let priority = cursor.u16().ok_or(DnsError::ServiceCut)?;
        let target = Name::read(message, &mut cursor)?;
        Ok(Service {
            priority,
            target,
            params: cursor.rest(),
        })
    }

    /// RFC 9460, 2.4.2: with priority 0 the record is an alias to its target, and parameters are ignored.
    pub fn is_alias(&self) -> bool {
        self.priority == 0
    }

    /// Addresses of the target, given ahead of its own A records.
    pub fn ipv4_hints(&self) -> impl Iterator<Item = Ipv4Addr> + use<'a> {
        let mut list = self.param(KEY_IPV4_HINT);
        std::iter::from_fn(move || list.array::<4>().map(Ipv4Addr::from))
    }

    /// Addresses of the target, given ahead of its own AAAA records.
    pub fn ipv6_hints(&self) -> impl Iterator<Item = Ipv6Addr> + use<'a> {
        let mut list = self.param(KEY_IPV6_HINT);
        std::iter::from_fn(move || list.array::<16>().map(Ipv6Addr::from))
    }

    /// The ECHConfigList: with it a client hides the name it asks for.
    pub fn ech(&self) -> Option<&'a [u8]> {
        let list = self.param(KEY_ECH).rest();
        (!list.is_empty()).then_some(list)
    }

    /// The value of the first parameter of this key; empty where there is none, or where the list is broken before it.
    fn param(&self, wanted: u16) -> Cursor<'a> {
        let mut list = if self.is_alias() {
            Cursor::new(&[])
        } else {
            Cursor::new(self.params)
        };
        while let Some(key) = list.u16() {
            match list.vector16() {
                Some(value) if key == wanted => return value,
                Some(_) => {}
                None => break,
            }
        }
        Cursor::new(&[])
    }
}

/// The name that clients show instead of the real one: `public_name` of the first config that is understood.
///
/// ```text
/// | list length | version | length | config id | kem | public key | cipher suites | longest name | public name |
/// |      2      |    2    |   2    |     1     |  2  |  2 + ...   |    2 + ...    |      1       |   1 + ...   |
/// ```
pub fn ech_public_name(list: &[u8]) -> Option<&[u8]> {
    let mut configs = Cursor::new(list).vector16()?;
    loop {
        let version = configs.u16()?;
        let mut config = configs.vector16()?;
        if version != ECH_VERSION {
            continue;
        }
        let _config_id = config.u8()?;
        let _kem = config.u16()?;
        let _public_key = config.vector16()?;
        let _cipher_suites = config.vector16()?;
        let _longest_name = config.u8()?;
        let name = config.vector8()?.rest();
        return (!name.is_empty()).then_some(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Priority 1, target ".", then `params`; behind a header of zeros.
    fn service(params: &[u8]) -> Vec<u8> {
        [&[0; 12][..], &[0, 1, 0], params].concat()
    }

    #[test]
    fn a_broken_list_keeps_what_stands_before() {
        let good = service(&[0, 4, 0, 5, 1, 2, 3, 4, 9, 0, 6, 0, 99, 0]);
        let read = Service::parse(&good, 12).unwrap();
        assert_eq!(read.ipv4_hints().collect::<Vec<_>>(), [Ipv4Addr::new(1, 2, 3, 4)]);
        assert_eq!(read.ipv6_hints().count(), 0);
        assert_eq!(Service::parse(&good[..13], 12).err(), Some(DnsError::ServiceCut));
        assert_eq!(Service::parse(&good[..14], 12).err(), Some(DnsError::NameCut));
    }

    #[test]
    fn an_alias_has_no_parameters() {
        let mut alias = service(&[0, 4, 0, 4, 1, 2, 3, 4]);
        alias[13] = 0;
        let read = Service::parse(&alias, 12).unwrap();
        assert!(read.is_alias());
        assert_eq!(read.ipv4_hints().count(), 0);
    }

    #[test]
    fn the_public_name_of_an_ech_config_is_found() {
        let contents = [
            &[7, 0, 0x20, 0, 4, 1, 2, 3, 4, 0, 4, 0, 1, 0, 1, 0, 10][..],
            b"cover.test",
            &[0, 0],
        ]
        .concat();
        let config = |version: u16| {
            let length = contents.len() as u16;
            [&version.to_be_bytes()[..], &length.to_be_bytes(), &contents].concat()
        };
        // RFC 9849, 4: configs of a version that is not understood are passed over.
        let configs = [config(0xfe09), config(0xfe0d)].concat();
        let list = [&(configs.len() as u16).to_be_bytes()[..], &configs].concat();
        assert_eq!(ech_public_name(&list), Some(&b"cover.test"[..]));
        for end in 0..list.len() {
            assert_eq!(ech_public_name(&list[..end]), None);
        }
    }
}
