//! A BPF filter, in tcpdump's language, over the frames of files.
//!
//! Frames keep their numbers: what is filtered out is not seen, but it was there.

use std::collections::BTreeMap;

use pcap::{BpfProgram, Capture, Linktype};

use super::live::complaint::in_short;
use crate::engine::epoch::{Epoch, Frame, InputFacts, Source};
use crate::wire::link::LinkType;

/// A source without the frames that a filter does not match.
pub struct Filtered<S> {
    inner: S,
    expression: String,
    /// One program a link type: the offsets differ. None where the expression makes no sense for that type.
    programs: BTreeMap<LinkType, Option<BpfProgram>>,
    own_faults: Vec<String>,
    /// The inner source's and our own.
    faults: Vec<String>,
}

impl<S: Source> Filtered<S> {
    /// Checks the expression; the error is one line.
    pub fn new(inner: S, expression: &str) -> Result<Filtered<S>, String> {
        const ETHERNET: LinkType = LinkType(1);
        compile(ETHERNET, expression).map_err(|error| complaint(expression, &error))?;
        let mut filtered = Filtered {
            inner,
            expression: expression.to_owned(),
            programs: BTreeMap::new(),
            own_faults: Vec::new(),
            faults: Vec::new(),
        };
        filtered.gather_faults();
        Ok(filtered)
    }

    fn matches(&mut self, epoch: &Epoch, frame: &Frame) -> bool {
        let Filtered {
            programs,
            expression,
            own_faults,
            ..
        } = self;
        let program = programs
            .entry(frame.link)
            .or_insert_with(|| match compile(frame.link, expression) {
                Ok(program) => Some(program),
                Err(error) => {
                    own_faults.push(format!(
                        "--filter {expression:?}: not for packets of the link type {}: {}",
                        frame.link.name().into_owned(),
                        in_short(&error)
                    ));
                    None
                }
            });
        let Some(program) = program else { return false };
        let bytes = epoch.frame_bytes(frame);
        match as_captured_here(frame.link, bytes) {
            Some(changed) => program.filter(&changed),
            None => program.filter(bytes),
        }
    }

    fn gather_faults(&mut self) {
        self.faults = [self.inner.faults(), &self.own_faults].concat();
    }
}

/// What is wrong with the expression, on one line.
pub(super) fn complaint(expression: &str, error: &pcap::Error) -> String {
    format!(
        "--filter {expression:?}: {}; write it as for tcpdump: --filter 'tcp port 443'",
        in_short(error)
    )
}

fn compile(link: LinkType, expression: &str) -> Result<BpfProgram, pcap::Error> {
    Capture::dead(Linktype(dlt(link)))?.compile(expression, true)
}

/// The reverse of what [`live::handle`](super::live::handle) does.
fn dlt(link: LinkType) -> i32 {
    match link {
        LinkType::RAW | LinkType::RAW_OPENBSD => 12,
        LinkType(other) => i32::from(other),
    }
}

/// The frame as a program compiled here expects it, where that is not how it is.
///
/// The header of NULL and LOOP is a protocol family: in NULL in the byte order of whoever captured (families are small
/// numbers, so the order shows), and for IPv6 in both as the number of whoever captured.
fn as_captured_here(link: LinkType, bytes: &[u8]) -> Option<Vec<u8>> {
    const IPV6_OF_BSD_FREEBSD_AND_DARWIN: [u32; 3] = [24, 28, 30];
    let in_order: fn(u32) -> [u8; 4] = match link {
        LinkType::NULL => u32::to_ne_bytes,
        LinkType::LOOP => u32::to_be_bytes,
        _ => return None,
    };
    let (header, rest) = bytes.split_first_chunk::<4>()?;
    let written = match link {
        LinkType::LOOP => u32::from_be_bytes(*header),
        _ => u32::from_ne_bytes(*header),
    };
    let family = match written {
        0..=0xffff => written,
        turned => turned.swap_bytes(),
    };
    let family = if IPV6_OF_BSD_FREEBSD_AND_DARWIN.contains(&family) {
        libc::AF_INET6 as u32
    } else {
        family
    };
    (family != written).then(|| [&in_order(family), rest].concat())
}

impl<S: Source> Source for Filtered<S> {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        let filled = self.inner.fill(epoch, target);
        let mut frames = std::mem::take(&mut epoch.frames);
        frames.retain(|frame| self.matches(epoch, frame));
        epoch.frames = frames;
        self.gather_faults();
        filled
    }

    fn inputs(&self) -> &[InputFacts] {
        self.inner.inputs()
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}
