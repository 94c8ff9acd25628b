//! Names for names, label by label, each of its own length: so names stay where they are, in whatever they stand.
//!
//! Labels of letters, digits, `-` and `_` are permuted among those of their length (a Feistel network whose halves are added
//! digit by digit), so no two become one. Others are digested. Kept are the last label where it is a country's or one of
//! the common ones, and the words that DNS itself uses.

use std::net::Ipv4Addr;

use hkdf::Hkdf;
use sha2::Sha256;

pub struct Names {
    secret: Hkdf<Sha256>,
}

const ALPHABET: &[u8; 38] = b"abcdefghijklmnopqrstuvwxyz0123456789-_";
const ROUNDS: u8 = 10;
const LAST_KEPT: [&[u8]; 14] = [
    b"com", b"net", b"org", b"edu", b"gov", b"mil", b"int", b"info", b"biz", b"arpa", b"local", b"home", b"lan", b"app",
];
const WORDS_KEPT: [&[u8]; 8] = [
    b"in-addr",
    b"ip6",
    b"_tcp",
    b"_udp",
    b"_dns-sd",
    b"_services",
    b"_sub",
    b"*",
];

impl Names {
    pub fn new(secret: [u8; 32]) -> Names {
        Names {
            secret: Hkdf::new(None, &secret),
        }
    }

    /// Replaces a label; `last` if the root stands behind it.
    pub fn label(&self, label: &mut [u8], last: bool) {
        label.make_ascii_lowercase();
        if is_kept(label, last) {
            return;
        }
        let digits: Option<Vec<u8>> = label.iter().map(|b| digit(*b)).collect();
        let other = match digits {
            Some(mut digits) => {
                self.permute(&mut digits);
                digits
            }
            None => self.noise(0xff, label, label.len()),
        };
        for (slot, number) in label.iter_mut().zip(other) {
            *slot = ALPHABET
                .get(usize::from(number) % ALPHABET.len())
                .copied()
                .unwrap_or(b'x');
        }
    }

    /// Replaces a name written as text.
    pub fn text(&self, name: &mut [u8]) {
        let body = name.strip_suffix(b".").map_or(name.len(), <[u8]>::len);
        let Some(name) = name.get_mut(..body) else { return };
        if str::from_utf8(name).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok()) {
            return self.figures(name);
        }
        let labels = name.split(|b| *b == b'.').count();
        for (place, label) in name.split_mut(|b| *b == b'.').enumerate() {
            self.label(label, place + 1 == labels);
        }
    }

    /// An address in the place of a name is no name: it becomes another address, as long as it was.
    fn figures(&self, address: &mut [u8]) {
        let mut others = self.noise(0xfc, address, address.len()).into_iter();
        for part in address.split_mut(|byte| *byte == b'.') {
            let long = part.len();
            for (place, (slot, number)) in part.iter_mut().zip(&mut others).enumerate() {
                *slot = match (place, long) {
                    (0, 3) => b'1',
                    (0, 2) => b'1' + number % 9,
                    _ => b'0' + number % 10,
                };
            }
        }
    }

    /// Replaces text that is no name by letters; blanks stay, or it would look like one.
    pub fn words(&self, text: &mut [u8]) {
        let others = self.noise(0xfe, text, text.len());
        for (slot, number) in text.iter_mut().zip(others) {
            if *slot != b' ' {
                *slot = b'a' + number % 26;
            }
        }
    }

    /// Replaces what is no text.
    pub fn bytes(&self, bytes: &mut [u8]) {
        let mut others = vec![0; bytes.len()];
        // HKDF gives 8160 bytes; of more than that nothing is left.
        let _ = self.secret.expand_multi_info(&[&[0xfd], bytes], &mut others);
        bytes.copy_from_slice(&others);
    }

    fn permute(&self, digits: &mut [u8]) {
        let (left, right) = digits.split_at_mut(digits.len() / 2);
        for round in 0..ROUNDS {
            let (from, to) = match round % 2 {
                0 => (&*left, &mut *right),
                _ => (&*right, &mut *left),
            };
            let noise = self.noise(round, from, to.len());
            for (slot, more) in to.iter_mut().zip(noise) {
                *slot = ((u16::from(*slot) + u16::from(more)) % ALPHABET.len() as u16) as u8;
            }
        }
    }

    /// Numbers below 38 that depend on the secret and on all that is given; two bytes for each, so that none is favoured.
    fn noise(&self, round: u8, from: &[u8], wanted: usize) -> Vec<u8> {
        let mut bytes = vec![0; 2 * wanted];
        let lengths = [round, from.len() as u8, wanted as u8];
        // Of text for which HKDF could not give as much nothing is left.
        let _ = self.secret.expand_multi_info(&[&lengths, from], &mut bytes);
        let pairs = bytes.chunks_exact(2);
        pairs
            .map(|pair| (pair.iter().fold(0, |sum, b| sum << 8 | u16::from(*b)) % ALPHABET.len() as u16) as u8)
            .collect()
    }
}

fn is_kept(label: &[u8], last: bool) -> bool {
    let is_country = label.len() == 2 && label.iter().all(u8::is_ascii_lowercase);
    last && (is_country || LAST_KEPT.contains(&label)) || WORDS_KEPT.contains(&label)
}

fn digit(byte: u8) -> Option<u8> {
    ALPHABET.iter().position(|b| *b == byte).map(|place| place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn labels_keep_their_lengths_and_none_becomes_another_ones() {
        let names = Names::new([7; 32]);
        let mut seen = HashSet::new();
        for a in ALPHABET {
            for b in ALPHABET {
                let mut label = [*a, *b];
                names.label(&mut label, false);
                assert!(seen.insert(label));
            }
        }
        let mut name = b"App.SalesTim.io".to_vec();
        names.text(&mut name);
        assert!(name.ends_with(b".io") && name.len() == 15 && name.get(3) == Some(&b'.'));
        let mut label = b"salestim".to_vec();
        names.label(&mut label, false);
        assert_eq!(name.get(4..12), Some(label.as_slice()));
        assert_ne!(label, b"salestim");
        // An address stays one.
        let mut address = b"198.51.100.7".to_vec();
        names.text(&mut address);
        let text = String::from_utf8(address.clone()).unwrap();
        assert!(text.parse::<Ipv4Addr>().is_ok() && text.len() == 12 && text != "198.51.100.7");
        // Odd ones too.
        let mut odd = [0, 0xff, b' ', 3];
        names.label(&mut odd, true);
        assert!(odd.iter().all(u8::is_ascii_graphic));
    }
}
