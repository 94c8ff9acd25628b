//! A DNS message in place: names and addresses replaced, all other data of records blanked, lengths as they were.
//!
//! Labels are replaced where they stand, whatever points to them, so compressed names stay right. The message is walked once
//! from front to end; what cannot be walked is blanked from there on.

use super::{Substitutes, hello};
use crate::wire::dns::HEADER_BYTES;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DNAME: u16 = 39;
const OPT: u16 = 41;
const NSEC: u16 = 47;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;

pub fn rewrite(message: &mut [u8], substitutes: &Substitutes) {
    let mut walk = Walk {
        message,
        at: 0,
        substitutes,
    };
    let is_understood = walk.all().is_some() || walk.at > HEADER_BYTES;
    // What is no message has no header either.
    let rest = if is_understood { walk.at } else { 0 };
    blank(walk.message, rest, usize::MAX);
}

/// Everything before `at` is replaced.
struct Walk<'a> {
    message: &'a mut [u8],
    at: usize,
    substitutes: &'a Substitutes,
}

impl Walk<'_> {
    fn all(&mut self) -> Option<()> {
        let counts = [4, 6, 8, 10].map(|at| self.u16_at(at));
        self.at = HEADER_BYTES.min(self.message.len());
        for _ in 0..counts[0]? {
            self.name(self.message.len())?;
            self.pass(4)?;
        }
        for _ in 0..counts.into_iter().skip(1).flatten().map(u32::from).sum::<u32>() {
            self.record()?;
        }
        Some(())
    }

    fn record(&mut self) -> Option<()> {
        self.name(self.message.len())?;
        let (kind, class) = (self.u16_at(self.at)?, self.u16_at(self.at + 2)?);
        // Of the internet, any, none; mDNS sets the first bit. An option's is a size.
        if kind != OPT && !matches!(class & 0x7fff, 1 | 3 | 254 | 255) {
            return None;
        }
        let length = usize::from(self.u16_at(self.at + 8)?);
        self.pass(10)?;
        let end = self.at + length;
        if end > self.message.len() {
            return None;
        }
        let _ = self.data(kind, end);
        // What was not understood.
        blank(self.message, self.at, end);
        self.at = end;
        Some(())
    }

    fn data(&mut self, kind: u16, end: usize) -> Option<()> {
        match kind {
            A => self.v4(end),
            AAAA => self.v6(end),
            NS | CNAME | PTR | DNAME => self.name(end),
            MX => {
                self.pass_within(2, end)?;
                self.name(end)
            }
            SRV => {
                self.pass_within(6, end)?;
                self.name(end)
            }
            SOA => {
                self.name(end)?;
                self.name(end)?;
                // Numbers, and nothing behind them: else these are no numbers.
                (self.at + 20 == end).then(|| self.at = end)
            }
            NSEC => {
                self.name(end)?;
                self.kinds(end).then(|| self.at = end)
            }
            SVCB | HTTPS => {
                self.pass_within(2, end)?;
                self.name(end)?;
                self.parameters(end)
            }
            OPT => self.options(end),
            _ => None,
        }
    }

    /// RFC 4034, 4.1.2: a window, a length, bits for kinds of records.
    fn kinds(&self, end: usize) -> bool {
        let mut at = self.at;
        while at < end {
            match self.message.get(at + 1) {
                Some(length @ 1..=32) => at += 2 + usize::from(*length),
                _ => return false,
            }
        }
        at == end
    }

    /// RFC 9460, 2.2: a key, a length, a value.
    fn parameters(&mut self, end: usize) -> Option<()> {
        const MANDATORY: u16 = 0;
        const ALPN: u16 = 1;
        const PORT: u16 = 3;
        const V4_HINT: u16 = 4;
        const V6_HINT: u16 = 6;
        while self.at < end {
            let (key, length) = (self.u16_at(self.at)?, usize::from(self.u16_at(self.at + 2)?));
            self.pass_within(4, end)?;
            let value_end = self.at + length;
            if value_end > end {
                return None;
            }
            match key {
                MANDATORY | PORT if length == 2 => self.at = value_end,
                ALPN => {
                    hello::protocols(self.message.get_mut(self.at..value_end)?, 0);
                    self.at = value_end;
                }
                V4_HINT => while self.v4(value_end).is_some() {},
                V6_HINT => while self.v6(value_end).is_some() {},
                _ => {}
            }
            blank(self.message, self.at, value_end);
            self.at = value_end;
        }
        Some(())
    }

    /// RFC 6891, 6.1.2: a code, a length, data, which is blanked.
    fn options(&mut self, end: usize) -> Option<()> {
        while self.at < end {
            let length = usize::from(self.u16_at(self.at + 2)?);
            self.pass_within(4, end)?;
            let value_end = self.at + length;
            if value_end > end {
                return None;
            }
            blank(self.message, self.at, value_end);
            self.at = value_end;
        }
        Some(())
    }

    fn v4(&mut self, end: usize) -> Option<()> {
        let slots = self.message.get_mut(self.at..end)?.first_chunk_mut::<4>()?;
        *slots = self.substitutes.addresses.v4(u32::from_be_bytes(*slots)).to_be_bytes();
        self.at += 4;
        Some(())
    }

    fn v6(&mut self, end: usize) -> Option<()> {
        let slots = self.message.get_mut(self.at..end)?.first_chunk_mut::<16>()?;
        *slots = self.substitutes.addresses.v6(u128::from_be_bytes(*slots)).to_be_bytes();
        self.at += 16;
        Some(())
    }

    /// The labels that stand here, up to the root or a pointer.
    fn name(&mut self, end: usize) -> Option<()> {
        const KIND: u8 = 0xc0;
        loop {
            let length = *self.message.get(..end)?.get(self.at)?;
            match length & KIND {
                _ if length == 0 => return self.pass_within(1, end),
                KIND => return self.pass_within(2, end),
                0 => {}
                _ => return None,
            }
            let (from, to) = (self.at + 1, self.at + 1 + usize::from(length));
            let last = *self.message.get(..end)?.get(to)? == 0;
            self.substitutes.names.label(self.message.get_mut(from..to)?, last);
            self.at = to;
        }
    }

    fn pass(&mut self, n: usize) -> Option<()> {
        self.pass_within(n, self.message.len())
    }

    fn pass_within(&mut self, n: usize, end: usize) -> Option<()> {
        let to = self.at.checked_add(n).filter(|to| *to <= end)?;
        self.at = to;
        Some(())
    }

    fn u16_at(&self, at: usize) -> Option<u16> {
        self.message.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
    }
}

fn blank(bytes: &mut [u8], from: usize, to: usize) {
    let to = to.min(bytes.len());
    if let Some(rest) = bytes.get_mut(from..to) {
        rest.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_others_and_the_rest_is_blank() {
        let mut message = vec![0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
        message.extend(b"\x03www\x07example\x03com\0\0\x01\0\x01");
        message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x33\x64\x07");
        message.extend(b"\xc0\x10\0\x10\0\x01\0\0\0\x3c\0\x06\x05hello");
        let before = message.clone();
        rewrite(&mut message, &Substitutes::new(b"k"));
        assert_eq!(message.len(), before.len());
        assert_eq!(message[..13], before[..13]);
        assert_eq!(&message[25..29], b"com\0");
        assert_ne!(message[13..16], *b"www");
        assert_ne!(message[45..49], [0xc6, 0x33, 0x64, 7]);
        assert!(message.ends_with(&[0, 6, 0, 0, 0, 0, 0, 0]));
        // Whatever it is cut to, no name is left.
        for cut in 0..before.len() {
            let mut message = before[..cut].to_vec();
            rewrite(&mut message, &Substitutes::new(b"k"));
            assert!(
                !message
                    .windows(3)
                    .any(|part| part == b"www" || part == b"exa" || part == b"hel")
            );
        }
    }
}
