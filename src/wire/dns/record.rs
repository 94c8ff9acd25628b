//! The records of a message, one after another, and the data of those that name hosts and addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{DnsError, Name, Service, kind, name};
use crate::wire::cursor::Cursor;

/// Which part of a message a record stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

/// The records of a message; ends where the message does.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    message: &'a [u8],
    cursor: Cursor<'a>,
    /// What is left of the three sections, as claimed.
    sections: [u16; 3],
    section: usize,
}

impl<'a> Records<'a> {
    /// `cursor` stands at the first record of `message`; `sections` are the three counts as claimed.
    pub(super) fn new(message: &'a [u8], cursor: Cursor<'a>, sections: [u16; 3]) -> Records<'a> {
        Records {
            message,
            cursor,
            sections,
            section: 0,
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        const ORDER: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];
        while self.sections.get(self.section)? == &0 {
            self.section += 1;
        }
        *self.sections.get_mut(self.section)? -= 1;
        let record = self.record(*ORDER.get(self.section)?);
        if record.is_none() {
            self.cursor = Cursor::new(&[]);
        }
        record
    }
}

impl<'a> Records<'a> {
    fn record(&mut self, section: Section) -> Option<Record<'a>> {
        let owner_at = self.offset();
        name::skip(&mut self.cursor).ok()?;
        let (kind, class) = (self.cursor.u16()?, self.cursor.u16()?);
        let ttl = self.cursor.u32()?;
        let length = usize::from(self.cursor.u16()?);
        let data_at = self.offset();
        let data = self.cursor.take(length)?;
        Some(Record {
            message: self.message,
            section,
            owner_at,
            kind,
            class,
            raw_ttl: ttl,
            data_at,
            data,
        })
    }

    /// Bytes behind the last record that was read.
    pub(super) fn left(&self) -> usize {
        self.cursor.left()
    }

    fn offset(&self) -> usize {
        self.message.len() - self.cursor.left()
    }
}

/// One record, whole. Names in it are read when asked for.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    message: &'a [u8],
    pub section: Section,
    owner_at: usize,
    pub kind: u16,
    pub class: u16,
    raw_ttl: u32,
    data_at: usize,
    data: &'a [u8],
}

/// The data of the record types that name hosts and addresses.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Cname(Name<'a>),
    /// SVCB or HTTPS.
    Service(Service<'a>),
    Other,
}

impl<'a> Record<'a> {
    /// The name that the record is about.
    pub fn owner(&self) -> Result<Name<'a>, DnsError> {
        Name::parse(self.message, self.owner_at)
    }

    /// Whether the owner is written as a pointer to `name`. False says nothing.
    pub fn points_at(&self, name: &Name<'_>) -> bool {
        name.is_pointed_at(self.message, self.owner_at)
    }

    /// Seconds. RFC 2181, 8: a value with the top bit set counts as zero.
    pub fn ttl(&self) -> u32 {
        u32::try_from(self.raw_ttl as i32).unwrap_or(0)
    }

    pub fn data(&self) -> Result<Data<'a>, DnsError> {
        Ok(match self.kind {
            kind::A => Data::A(Ipv4Addr::from(self.address::<4>()?)),
            kind::AAAA => Data::Aaaa(Ipv6Addr::from(self.address::<16>()?)),
            kind::CNAME => Data::Cname(Name::parse(self.upto_end(), self.data_at)?),
            kind::SVCB | kind::HTTPS => Data::Service(Service::parse(self.upto_end(), self.data_at)?),
            _ => Data::Other,
        })
    }

    /// The message up to the end of this record: a name in the data may point back, but not run on.
    fn upto_end(&self) -> &'a [u8] {
        let end = self.data_at + self.data.len();
        self.message.get(..end).unwrap_or(&[])
    }

    fn address<const N: usize>(&self) -> Result<[u8; N], DnsError> {
        <[u8; N]>::try_from(self.data).map_err(|_| DnsError::AddressLength)
    }

    /// RFC 6891, 6.1.3: the first byte of an OPT record's TTL field holds the upper eight bits of the response code.
    pub fn extended_rcode(&self) -> Option<u8> {
        let [upper, ..] = self.raw_ttl.to_be_bytes();
        (self.kind == kind::OPT).then_some(upper)
    }

    /// RFC 6891, 6.1.2: an OPT record's class field holds the UDP payload size its sender can take.
    pub fn udp_payload_size(&self) -> Option<u16> {
        (self.kind == kind::OPT).then_some(self.class)
    }
}
