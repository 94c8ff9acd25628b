//! DNS over TCP: messages one after another, each behind its length, cut into segments wherever it pleases.
//!
//! ```text
//! before    | 0 28 | question 0 .. 28 | 0 60 | answer 0 .. 41
//! after     | 0 60 | answer 0 .. 41                              the caller keeps these and gives them again
//! ```

use super::{DnsProbe, Lookup};
use crate::flow::key::Side;
use crate::flow::stamp::Stamp;
use crate::wire::cursor::Cursor;

impl DnsProbe {
    /// The most that [`DnsProbe::stream`] needs at once. A longer message is read as far as this reaches, and the rest passed over.
    pub const STREAM_WINDOW: usize = 16 * 1024;

    /// Bytes of a TCP stream, contiguous from the last call's end. Answers how many were used up: messages that are
    /// whole. The rest is to be given again, with more behind it.
    pub fn stream(&mut self, side: Side, bytes: &[u8], at: Stamp, found: &mut Vec<Lookup>) -> usize {
        let mut cursor = Cursor::new(bytes);
        loop {
            let [lo, hi] = &mut self.skip;
            let skip = match side {
                Side::Lo => lo,
                Side::Hi => hi,
            };
            let passed = cursor.left().min(usize::from(*skip));
            *skip -= passed as u16;
            cursor.take(passed);
            // RFC 1035, 4.2.2: the message is prefixed with a two byte length field, which does not count itself.
            let mut ahead = cursor;
            let Some(length) = ahead.u16() else {
                break;
            };
            let held = length.min(Self::STREAM_WINDOW as u16 - 2);
            let Some(message) = ahead.take(usize::from(held)) else {
                break;
            };
            cursor = ahead;
            *skip = length - held;
            // Whatever is wrong inside a message, the next one begins where the length says.
            let _ = self.message(side, message, held < length, at, found);
        }
        bytes.len() - cursor.left()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::DnsKind;
    use super::super::testing::*;
    use super::*;

    /// A question for google.com and the first answers to it, over TCP; as captured.
    const GOOGLE: [&str; 2] = [
        "001c 5e630100000100000000000006676f6f676c6503636f6d0000010001",
        "003c 5e6381800001000200000000 06676f6f676c6503636f6d0000010001
         c00c00010001000000a600044a7de42e c00c00010001000000a600044a7de420",
    ];

    fn told(id: u16) -> Vec<u8> {
        answer(id, "a.x", 1, &[address("a.x", "198.18.1.1")])
    }

    proptest! {
        #[test]
        fn a_stream_may_be_cut_anywhere(cuts in proptest::collection::vec(1usize..90, 0..12), again in 1usize..4) {
            let [ask, told] = GOOGLE.map(bytes);
            let ask = ask.repeat(again);
            let told = told.repeat(again);
            let mut probe = DnsProbe::new(DnsKind::Dns, Some(SERVER));
            let mut found = Vec::new();
            prop_assert_eq!(probe.stream(CLIENT, &ask, at(1), &mut found), ask.len());
            let mut held: Vec<u8> = Vec::new();
            let mut rest = &told[..];
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                held.extend(piece);
                let used = probe.stream(SERVER, &held, at(2), &mut found);
                held.drain(..used);
            }
            prop_assert!(held.is_empty());
            prop_assert_eq!(found.len(), again);
            prop_assert!(found[0].usable);
            prop_assert_eq!(texts(&found[0].naming), ["74.125.228.46", "74.125.228.32"]);
        }

        #[test]
        fn a_long_message_is_read_in_part_and_passed_over(length in 16_000usize..65_536, chunk in 1usize..20_000) {
            let mut long = told(7);
            long.resize(length, 0);
            let mut stream = (length as u16).to_be_bytes().to_vec();
            stream.extend(&long);
            stream.extend((told(8).len() as u16).to_be_bytes());
            stream.extend(told(8));
            let mut probe = DnsProbe::new(DnsKind::Dns, None);
            let mut found = Vec::new();
            let mut held: Vec<u8> = Vec::new();
            for piece in stream.chunks(chunk) {
                held.extend(piece);
                let used = probe.stream(SERVER, &held, at(1), &mut found);
                held.drain(..used);
                prop_assert!(held.len() < DnsProbe::STREAM_WINDOW);
            }
            prop_assert!(held.is_empty());
            prop_assert_eq!(found.len(), 2);
        }
    }
}
