//! `--anonymise`: what is written is rewritten, frames and words alike.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::copy::Rewrite;
use crate::anonymise::Substitutes;
use crate::anonymise::packet::{Captured, Rewriter};
use crate::cli::exit::Failure;
use crate::engine::epoch::{Epoch, Frame};
use crate::names::domain::Domain;
use crate::sink::carve::Spelling;
use crate::source::described::{EPB_DROPCOUNT, EPB_FLAGS, IF_TSOFFSET, IF_TSRESOL};
use crate::source::pcapng_blocks::Options;

/// What there is to say of a key that can be tried out.
pub fn weakness(key: &[u8]) -> Option<&'static str> {
    /// So many random bytes nobody can try out.
    const SAFE: usize = 16;
    (key.len() < SAFE).then_some(
        "the key is short: who guesses it can undo what it does. For a better one: head -c 32 /dev/urandom | base64 > key.txt, and --anonymise @key.txt",
    )
}

/// The key that was typed, or that is in the file named behind `@`.
pub fn key(typed: &str) -> Result<Vec<u8>, Failure> {
    const LONGEST: u64 = 1 << 16;
    let key = match typed.strip_prefix('@') {
        None => typed.as_bytes().to_vec(),
        Some(path) => {
            let mut key = Vec::new();
            File::open(path)
                .and_then(|file| file.take(LONGEST).read_to_end(&mut key))
                .map_err(|error| Failure::io("read the key from", path, &error))?;
            // An editor ends the last line.
            while key.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                key.pop();
            }
            key
        }
    };
    if key.is_empty() {
        return Err(Failure::new(
            "--anonymise wants a key that is not empty: a long random text, or @FILE with one in it",
        ));
    }
    Ok(key)
}

/// Names and addresses in comments are those of the frames.
pub struct Disguised(pub Arc<Substitutes>);

impl Spelling for Disguised {
    fn name(&self, name: &Domain) -> String {
        let mut text = name.as_str().as_bytes().to_vec();
        self.0.names.text(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn address(&self, ip: IpAddr) -> IpAddr {
        let addresses = &self.0.addresses;
        match ip {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(addresses.v4(ip.to_bits())).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(addresses.v6(ip.to_bits())).into(),
        }
    }

    fn hides(&self) -> bool {
        true
    }
}

impl Rewrite for Rewriter<'_> {
    fn note(&mut self, epoch: &Epoch, frame: &Frame) {
        Rewriter::note(self, captured(epoch, frame));
    }

    fn has_room(&self) -> bool {
        self.fronts.has_room()
    }

    fn passed(&mut self, at: u64) {
        self.fronts.passed(at);
    }

    fn frame(&mut self, epoch: &Epoch, frame: &Frame, out: &mut Vec<u8>) -> bool {
        Rewriter::frame(self, captured(epoch, frame), out)
    }

    /// What times mean; neither names nor addresses nor filters.
    fn interface(&mut self, options: &Options) -> Options {
        only(options.clone(), |code| matches!(code, IF_TSRESOL | IF_TSOFFSET))
    }

    /// Times and counts.
    fn statistics(&mut self, options: &Options) -> Options {
        only(options.clone(), |code| matches!(code, 2..=8))
    }

    fn packet(&mut self, options: Options) -> Options {
        only(options, |code| matches!(code, EPB_FLAGS | EPB_DROPCOUNT))
    }
}

fn captured<'a>(epoch: &'a Epoch, frame: &Frame) -> Captured<'a> {
    Captured {
        link: frame.link,
        bytes: epoch.frame_bytes(frame),
        wire: frame.wire,
        at: frame.stamp.seq,
    }
}

/// Those options, if they have the size of a number.
fn only(mut options: Options, kept: impl Fn(u16) -> bool) -> Options {
    const NUMBER: usize = 8;
    options.retain(|(code, value)| kept(*code) && value.len() <= NUMBER);
    options
}
