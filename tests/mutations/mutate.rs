//! Damage, made the same way from the same seed.

/// Numbers that look random (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Mostly small, sometimes up to `n`.
    fn short(&mut self, n: usize) -> usize {
        let most = match self.below(4) {
            0 => n,
            1 => n.min(256),
            _ => n.min(16),
        };
        self.below(most.max(1))
    }
}

/// Values that parsers trip over where a length, a count or a type stands.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    3,
    4,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0xffff_fffe,
];

/// Damages `bytes` in one to four ways; `other` is where foreign slices come from.
pub fn bytes(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..1 + dice.below(4) {
        if bytes.is_empty() {
            bytes.push(dice.next() as u8);
        }
        let length = bytes.len();
        let at = dice.below(length);
        let run = at..length.min(at + 1 + dice.short(length));
        match dice.below(10) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.next() as u8,
            2 => bytes[run].fill(0),
            3 => bytes[run].fill(0xff),
            4 | 5 => number(dice, &mut bytes[at..]),
            6 => bytes.truncate(at),
            7 => {
                let twice = bytes[run.clone()].to_vec();
                bytes.splice(run.start..run.start, twice);
            }
            8 => drop(bytes.drain(run)),
            _ if other.is_empty() => {}
            _ => {
                let from = dice.below(other.len());
                let foreign = other[from..other.len().min(from + 1 + dice.short(other.len()))].to_vec();
                let replaced = if dice.below(2) == 0 { run } else { at..at };
                bytes.splice(replaced, foreign);
            }
        }
    }
}

/// Writes a number of 1, 2, 3, 4 or 8 bytes, of either order, or moves the one that is there by a little.
fn number(dice: &mut Dice, bytes: &mut [u8]) {
    let width = [1, 2, 2, 3, 4, 4, 8][dice.below(7)].min(bytes.len());
    let (field, _) = bytes.split_at_mut(width);
    let mut whole = [0; 8];
    whole[8 - width..].copy_from_slice(field);
    let old = u64::from_be_bytes(whole);
    let new = match dice.below(3) {
        0 => old.wrapping_add(1 + dice.next() % 4),
        1 => old.wrapping_sub(1 + dice.next() % 4),
        _ => EDGES[dice.below(EDGES.len())],
    };
    field.copy_from_slice(&new.to_be_bytes()[8 - width..]);
    if dice.below(3) == 0 {
        field.reverse();
    }
}

/// One packet as a capture holds it.
#[derive(Debug, Clone)]
pub struct Packet {
    pub link: u16,
    pub ns: u64,
    pub wire: u32,
    pub bytes: Vec<u8>,
}

/// Damages some packets and their order, and leaves the file around them whole.
pub fn packets(dice: &mut Dice, packets: &mut Vec<Packet>, other: &[Packet]) {
    let foreign = |dice: &mut Dice| (!other.is_empty()).then(|| other[dice.below(other.len())].clone());
    for _ in 0..1 + dice.below(6) {
        if packets.is_empty() {
            return;
        }
        let at = dice.below(packets.len());
        match dice.below(13) {
            0..=5 => {
                let donor = foreign(dice).map(|packet| packet.bytes).unwrap_or_default();
                let packet = &mut packets[at];
                let whole = packet.wire as usize == packet.bytes.len();
                bytes(dice, &mut packet.bytes, &donor);
                if whole && dice.below(8) > 0 {
                    packet.wire = packet.bytes.len() as u32;
                }
            }
            6 => {
                let cut = dice.below(packets[at].bytes.len() + 1);
                packets[at].bytes.truncate(cut);
            }
            7 => {
                let twice = packets[at].clone();
                let to = dice.below(packets.len() + 1);
                packets.insert(to, twice);
            }
            8 => drop(packets.remove(at)),
            9 => {
                let to = dice.below(packets.len());
                packets.swap(at, to);
            }
            10 => {
                let jump = [1, 1_000, 1_000_000_000, 40_000_000_000, 1 << 50, u64::MAX][dice.below(6)];
                packets[at].ns = match dice.below(3) {
                    0 => packets[at].ns.wrapping_add(jump),
                    1 => packets[at].ns.saturating_sub(jump),
                    _ => jump,
                };
            }
            11 => packets.extend(foreign(dice)),
            _ => match dice.below(3) {
                0 => packets[at].link = [0, 1, 101, 108, 113, 228, 229, 276, 147, 9][dice.below(10)],
                1 => packets[at].wire = EDGES[dice.below(EDGES.len())] as u32,
                _ => packets.truncate(at + 1),
            },
        }
        // No capture has a packet that was shorter on the wire: the readers see to it.
        for packet in packets.iter_mut() {
            packet.wire = packet.wire.max(packet.bytes.len() as u32);
        }
    }
}
