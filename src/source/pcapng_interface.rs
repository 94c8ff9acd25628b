//! What a pcapng section says of one interface: link type, clock, drops.

use crate::source::order::Order;
use crate::wire::cursor::Cursor;
use crate::wire::link::LinkType;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Option codes of the Interface Description Block (section 4.2).
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
/// Option codes of the Interface Statistics Block (section 4.6).
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const END_OF_OPTIONS: u16 = 0;

/// One interface of a section.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    pub link: LinkType,
    /// 0: no limit.
    pub snaplen: u32,
    pub clock: Clock,
    /// A packet of it was seen.
    pub used: bool,
    pub drops: Drops,
}

/// What the last statistics block of an interface reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops {
    pub by_interface: Option<u64>,
    pub by_kernel: Option<u64>,
}

impl Interface {
    /// Reads the body of an Interface Description Block.
    pub fn parse(order: Order, mut body: Cursor<'_>) -> Option<Interface> {
        let link = LinkType(order.u16(body.array()?));
        let _reserved = body.array::<2>()?;
        let snaplen = order.u32(body.array()?);
        let mut clock = Clock::default();
        for_each_option(order, body, |code, mut value| match code {
            IF_TSRESOL => {
                if let Some(resolution) = value.u8() {
                    clock.unit = Unit::parse(resolution);
                }
            }
            IF_TSOFFSET => {
                if let Some(seconds) = value.array() {
                    clock.offset_seconds = order.u64(seconds) as i64;
                }
            }
            _ => {}
        });
        Some(Interface {
            link,
            snaplen,
            clock,
            used: false,
            drops: Drops::default(),
        })
    }
}

impl Drops {
    /// Reads the body of an Interface Statistics Block behind the interface's number.
    pub fn parse(order: Order, mut body: Cursor<'_>) -> Option<Drops> {
        let _time = body.array::<8>()?;
        let mut drops = Drops::default();
        for_each_option(order, body, |code, mut value| {
            let counter = match code {
                ISB_IFDROP => &mut drops.by_interface,
                ISB_OSDROP => &mut drops.by_kernel,
                _ => return,
            };
            *counter = value.array().map(|count| order.u64(count));
        });
        Some(drops)
    }
}

/// Options are `code, length, value padded to 32 bits`. What is malformed ends the list; a block is still good without it.
pub fn for_each_option<'a>(order: Order, mut list: Cursor<'a>, mut each: impl FnMut(u16, Cursor<'a>)) {
    while let (Some(code), Some(length)) = (list.array(), list.array()) {
        let (code, length) = (order.u16(code), usize::from(order.u16(length)));
        let Some(value) = list.sub(length) else {
            return;
        };
        if code == END_OF_OPTIONS {
            return;
        }
        each(code, value);
        if list.take(length.next_multiple_of(4) - length).is_none() {
            return;
        }
    }
}

/// How an interface's ticks become nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    unit: Unit,
    offset_seconds: i64,
}

impl Clock {
    /// Ticks as nanoseconds; what does not fit (before 1970, after 2554) is the nearest that does.
    #[inline]
    pub fn nanoseconds(self, ticks: u64) -> u64 {
        let ns = match self.unit {
            Unit::Times(factor) => ticks.saturating_mul(factor),
            Unit::Over(divisor) => ticks.checked_div(divisor).unwrap_or(0),
            Unit::Binary(bits) => binary_nanoseconds(ticks, bits),
        };
        if self.offset_seconds == 0 {
            return ns;
        }
        let offset = self.offset_seconds.unsigned_abs().saturating_mul(NS_PER_SECOND);
        if self.offset_seconds > 0 {
            ns.saturating_add(offset)
        } else {
            ns.saturating_sub(offset)
        }
    }

    /// A clock without an offset, by the value of `if_tsresol`.
    pub fn of_resolution(resolution: u8) -> Clock {
        Clock {
            unit: Unit::parse(resolution),
            offset_seconds: 0,
        }
    }

    /// Nanoseconds as ticks, for packets that brought none of their own.
    pub fn ticks(self, ns: u64) -> u64 {
        let offset = self.offset_seconds.unsigned_abs().saturating_mul(NS_PER_SECOND);
        let ns = match self.offset_seconds > 0 {
            true => ns.saturating_sub(offset),
            false => ns.saturating_add(offset),
        };
        match self.unit {
            Unit::Times(factor) => ns / factor,
            Unit::Over(divisor) => ns.saturating_mul(divisor),
            Unit::Binary(bits) => {
                let ticks = (u128::from(ns) << bits.min(64)) / u128::from(NS_PER_SECOND);
                u64::try_from(ticks).unwrap_or(u64::MAX)
            }
        }
    }

    /// The clock can show parts of a microsecond.
    pub fn finer_than_microseconds(self) -> bool {
        match self.unit {
            Unit::Times(factor) => factor < 1000,
            Unit::Over(_) => true,
            // 2^-19 s is 1.9 µs, 2^-20 s is 0.95 µs.
            Unit::Binary(bits) => bits >= 20,
        }
    }
}

/// What a tick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Times(u64),
    /// One nanosecond divided by this.
    Over(u64),
    /// Two to the power of minus this, in seconds.
    Binary(u32),
}

impl Default for Unit {
    /// Section 4.2, if_tsresol: without the option a resolution of 10^-6 is assumed.
    fn default() -> Self {
        Unit::Times(1000)
    }
}

impl Unit {
    /// Section 4.2, if_tsresol: the top bit clear means a negative power of 10, set a negative power of 2.
    fn parse(resolution: u8) -> Unit {
        const BINARY: u8 = 0x80;
        let power = u32::from(resolution & !BINARY);
        if resolution & BINARY != 0 {
            return Unit::Binary(power);
        }
        match power.checked_sub(9) {
            None => Unit::Times(10u64.pow(9 - power)),
            Some(0) => Unit::Times(1),
            Some(finer) => Unit::Over(10u64.checked_pow(finer).unwrap_or(u64::MAX)),
        }
    }
}

fn binary_nanoseconds(ticks: u64, bits: u32) -> u64 {
    // 64 bits of ticks times 30 bits of nanoseconds fit into 128; the power has 7 bits, so the shift is legal.
    let ns = (u128::from(ticks) * u128::from(NS_PER_SECOND)) >> bits;
    u64::try_from(ns).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(resolution: u8, offset_seconds: i64) -> Clock {
        Clock {
            unit: Unit::parse(resolution),
            offset_seconds,
        }
    }

    #[test]
    fn resolutions_of_both_bases() {
        for (resolution, ticks, ns, fine) in [
            (0, 3, 3_000_000_000, false),
            (6, 1_500_000, 1_500_000_000, false),
            (7, 15, 1500, true),
            (9, 15, 15, true),
            (12, 15_999, 15, true),
            (127, u64::MAX, 1, true),
            (0x80, 3, 3_000_000_000, false),
            (0x80 | 10, 1536, 1_500_000_000, false),
            (0x80 | 19, 1 << 18, 500_000_000, false),
            (0x80 | 20, 1 << 19, 500_000_000, true),
            (0x80 | 32, 1 << 31, 500_000_000, true),
            (0xff, u64::MAX, 0, true),
        ] {
            let clock = clock(resolution, 0);
            assert_eq!(clock.nanoseconds(ticks), ns, "resolution {resolution:#x}");
            assert_eq!(clock.finer_than_microseconds(), fine, "resolution {resolution:#x}");
        }
    }

    #[test]
    fn offsets_move_both_ways_and_stop_at_the_ends() {
        assert_eq!(clock(9, 2).nanoseconds(5), 2_000_000_005);
        assert_eq!(clock(0, -2).nanoseconds(5), 3_000_000_000);
        assert_eq!(clock(0, -9).nanoseconds(5), 0);
        assert_eq!(clock(0, i64::MIN).nanoseconds(5), 0);
        assert_eq!(clock(0, i64::MAX).nanoseconds(u64::MAX), u64::MAX);
    }

    #[test]
    fn options_are_found_behind_padded_ones_and_a_broken_list_ends() {
        let body = [
            1, 0, 0, 0, 0, 1, 0, 0, // ethernet, snaplen 256
            2, 0, 5, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0, // if_name, padded
            9, 0, 1, 0, 9, 0, 0, 0, // if_tsresol: nanoseconds
            14, 0, 200, 0, 1, // an if_tsoffset that is not there
        ];
        let interface = Interface::parse(Order::Little, Cursor::new(&body)).unwrap();
        assert_eq!((interface.link, interface.snaplen), (LinkType(1), 256));
        assert_eq!(interface.clock.nanoseconds(7), 7);
    }
}
