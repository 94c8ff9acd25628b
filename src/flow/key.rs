//! Who talks with whom: the same key for both directions of a flow.

use std::net::IpAddr;

use crate::wire::packet::Family;

/// Which of a key's two ends; not yet client and server, which is decided over the whole flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Side {
    Lo = 0,
    Hi = 1,
}

impl Side {
    #[inline]
    pub fn other(self) -> Side {
        match self {
            Side::Lo => Side::Hi,
            Side::Hi => Side::Lo,
        }
    }
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// One end of a flow as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    pub ip: IpAddr,
    /// None where the protocol has no ports, or they were in a fragment never seen.
    pub port: Option<u16>,
}

/// A flow's identity: the lower end first, so that both directions are equal.
#[derive(Debug, Clone, Copy, Eq)]
pub struct FlowKey {
    pub lo: u128,
    pub hi: u128,
    /// Hash of the tunnels around the flow, 0 for none.
    pub tunnel: u64,
    pub lo_port: u16,
    pub hi_port: u16,
    pub protocol: u8,
    pub family: Family,
    /// Whether the ports mean anything.
    pub ported: bool,
}

/// Every look-up of a flow compares one key, which is nearly always equal: so without a branch a field.
impl PartialEq for FlowKey {
    #[inline]
    fn eq(&self, other: &FlowKey) -> bool {
        let ends = (self.lo ^ other.lo) | (self.hi ^ other.hi);
        let tunnel = self.tunnel ^ other.tunnel;
        (ends == 0) & (tunnel == 0) & (self.small_fields() == other.small_fields())
    }
}

impl FlowKey {
    #[inline]
    fn small_fields(&self) -> u64 {
        u64::from(self.lo_port) << 48
            | u64::from(self.hi_port) << 32
            | u64::from(self.protocol) << 16
            | (self.family as u64) << 8
            | u64::from(self.ported)
    }

    /// The key of a packet from `source` to `destination`, and which side sent it.
    #[inline]
    pub fn of(
        family: Family,
        protocol: u8,
        tunnel: u64,
        source: (u128, u16),
        destination: (u128, u16),
        ported: bool,
    ) -> (FlowKey, Side) {
        let (lo, hi, side) = if source <= destination {
            (source, destination, Side::Lo)
        } else {
            (destination, source, Side::Hi)
        };
        (
            FlowKey {
                lo: lo.0,
                hi: hi.0,
                tunnel,
                lo_port: lo.1,
                hi_port: hi.1,
                protocol,
                family,
                ported,
            },
            side,
        )
    }

    /// The end on `side`.
    pub fn end(&self, side: Side) -> Endpoint {
        let (bits, port) = match side {
            Side::Lo => (self.lo, self.lo_port),
            Side::Hi => (self.hi, self.hi_port),
        };
        Endpoint {
            ip: self.family.address(bits),
            port: self.ported.then_some(port),
        }
    }

    /// The port on `side`, 0 where there is none.
    #[inline]
    pub fn port(&self, side: Side) -> u16 {
        match side {
            Side::Lo => self.lo_port,
            Side::Hi => self.hi_port,
        }
    }

    /// Our own hash with a fixed seed: the shard (top bits) is part of the meaning and must not vary.
    #[inline]
    pub fn hash(&self) -> u64 {
        let ports = u64::from(self.lo_port) << 32
            | u64::from(self.hi_port) << 16
            | u64::from(self.protocol) << 8
            | self.family as u64;
        let mut h = fold(0x243f_6a88_85a3_08d3, self.lo as u64 ^ (self.hi as u64).rotate_left(32));
        if self.family == Family::V6 {
            h = fold(h, (self.lo >> 64) as u64);
            h = fold(h, (self.hi >> 64) as u64);
            h = fold(h, self.hi as u64);
        }
        h = fold(h, ports);
        if self.tunnel != 0 {
            h = fold(h, self.tunnel);
        }
        h
    }
}

/// One multiplication, both halves kept: every input bit reaches the top bits.
#[inline]
fn fold(h: u64, v: u64) -> u64 {
    let wide = u128::from(h ^ v) * 0x9e37_79b9_7f4a_7c15;
    (wide as u64) ^ (wide >> 64) as u64
}
