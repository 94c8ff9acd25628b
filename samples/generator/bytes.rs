//! Bytes in network order, vectors with their length in front, and noise that is always the same.

/// A message being written.
#[derive(Default, Clone)]
pub struct Out(pub Vec<u8>);

impl Out {
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// What `body` writes, with its length in one byte in front.
    pub fn vector8(&mut self, body: impl FnOnce(&mut Out)) -> &mut Self {
        self.vector(1, body)
    }

    /// The same with two bytes of length.
    pub fn vector16(&mut self, body: impl FnOnce(&mut Out)) -> &mut Self {
        self.vector(2, body)
    }

    /// The same with three bytes of length.
    pub fn vector24(&mut self, body: impl FnOnce(&mut Out)) -> &mut Self {
        self.vector(3, body)
    }

    fn vector(&mut self, width: usize, body: impl FnOnce(&mut Out)) -> &mut Self {
        let mut inner = Out::default();
        body(&mut inner);
        let length = (inner.0.len() as u32).to_be_bytes();
        self.bytes(&length[4 - width..]).bytes(&inner.0)
    }
}

/// Bytes that look random and never change (splitmix64).
pub struct Noise(u64);

impl Noise {
    /// Noise of one's own for each `seed` (FNV-1a).
    pub fn of(seed: &str) -> Noise {
        Noise(seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.next().to_be_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}
