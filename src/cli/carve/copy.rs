//! The last reading: the frames that belong, copied with what their capture says of them.

use std::io::{self, Write};

use super::belonging::{Belonging, Belongs};
use super::pieces::Pieces;
use crate::cli::exit::Failure;
use crate::engine::epoch::{Epoch, Frame, Source};
use crate::engine::limits::EPOCH_BYTES;
use crate::engine::scan::{Buckets, decode_all};
use crate::engine::tally::Tallies;
use crate::source::Inputs;
use crate::source::described::{Described, Record};
use crate::source::pcapng_blocks::{self as blocks, COMMENT, Options, Packet};

/// What is put in the place of a frame's bytes and of what was said of it.
pub trait Rewrite {
    /// A frame that comes later, as long as there is room for more.
    fn note(&mut self, epoch: &Epoch, frame: &Frame);
    fn has_room(&self) -> bool;
    /// All frames before this one were written.
    fn passed(&mut self, at: u64);
    /// The frame as it shall be written, into `out`; false: not at all.
    fn frame(&mut self, epoch: &Epoch, frame: &Frame, out: &mut Vec<u8>) -> bool;
    fn interface(&mut self, options: &Options) -> Options;
    fn statistics(&mut self, options: &Options) -> Options;
    fn packet(&mut self, options: Options) -> Options;
}

/// Which frames are written, and how.
pub struct Copying<'a> {
    pub belonging: Belonging,
    pub pieces: Pieces,
    /// Every frame is written, whatever it belongs to.
    pub all: bool,
    pub heading: String,
    /// None: as they are.
    pub rewrite: Option<&'a mut dyn Rewrite>,
    /// Who rewrites a frame wants to know what comes behind it.
    pub lead: Option<Lead>,
}

/// A second reading of the same inputs, ahead of the first.
pub struct Lead {
    inputs: Inputs,
    epoch: Epoch,
    /// Epochs that were read.
    read: usize,
    is_over: bool,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Copied {
    pub packets: u64,
    pub bytes: u64,
    pub of: u64,
    /// Packets that could not be rewritten, and so were left out.
    pub left_out: u64,
    /// SHA-256 of the inputs, as they were read now.
    pub sha256: Vec<Option<String>>,
    /// The reader of a pipe has gone.
    pub stopped: bool,
}

/// Copies what belongs from `inputs` to `out`.
pub fn copy(mut work: Copying<'_>, inputs: &mut Inputs, out: &mut dyn Write) -> Result<Copied, io::Error> {
    let mut copied = Copied::default();
    let mut bytes = Vec::new();
    blocks::section(&mut bytes, &work.heading);
    let (mut epoch, mut buckets, mut tallies) = (Epoch::default(), Buckets::default(), Tallies::default());
    let mut interfaces = Interfaces::default();
    let mut kept: Vec<Option<Belongs>> = Vec::new();
    let mut data = Vec::new();
    let mut epochs = 0;
    while inputs.fill(&mut epoch, EPOCH_BYTES) {
        epochs += 1;
        work.look_ahead(&epoch, epochs);
        interfaces.turn_to(epoch.ordinal, inputs, &mut work, &mut bytes);
        if !work.all {
            buckets.clear();
            decode_all(&epoch, &mut buckets, &mut tallies, |_, _, _, _| {});
            work.decide(&epoch, &buckets, &mut kept);
        }
        for (index, frame) in epoch.frames.iter().enumerate() {
            copied.of += 1;
            if !work.all && kept.get(index).copied().flatten().is_none() {
                continue;
            }
            data.clear();
            let written = match &mut work.rewrite {
                Some(rewrite) => rewrite.frame(&epoch, frame, &mut data),
                None => {
                    data.extend_from_slice(epoch.frame_bytes(frame));
                    true
                }
            };
            if !written {
                copied.left_out += 1;
                continue;
            }
            let Some((interface, described)) = interfaces.of(frame, inputs, &mut work, &mut bytes) else {
                copied.left_out += 1;
                continue;
            };
            let record = Record::of(&epoch, frame, described);
            let options = work.options(frame, record.options);
            let packet = Packet {
                interface,
                ticks: record.ticks,
                wire: frame.wire,
                data: &data,
                options: &options,
            };
            blocks::packet(&mut bytes, &packet);
            copied.packets += 1;
            copied.bytes += data.len() as u64;
        }
        out.write_all(&bytes)?;
        bytes.clear();
    }
    interfaces.finish(inputs, &mut work, &mut bytes);
    out.write_all(&bytes)?;
    out.flush()?;
    copied.sha256 = inputs.inputs().iter().map(|facts| facts.sha256.clone()).collect();
    Ok(copied)
}

impl Lead {
    pub fn new(inputs: Inputs) -> Lead {
        Lead {
            inputs,
            epoch: Epoch::default(),
            read: 0,
            is_over: false,
        }
    }
}

impl Copying<'_> {
    /// Has the lead read beyond this epoch, which is so far in the input.
    fn look_ahead(&mut self, epoch: &Epoch, epochs: usize) {
        /// As much as a handshake may have between its first byte and its last.
        const AHEAD: usize = (1 << 30) / EPOCH_BYTES;
        let (Some(lead), Some(rewrite)) = (&mut self.lead, &mut self.rewrite) else {
            return;
        };
        if let Some(first) = epoch.frames.first() {
            rewrite.passed(first.stamp.seq);
        }
        while !lead.is_over && (lead.read < epochs || lead.read < epochs + AHEAD && rewrite.has_room()) {
            lead.is_over = !lead.inputs.fill(&mut lead.epoch, EPOCH_BYTES);
            if !lead.is_over {
                lead.read += 1;
                lead.epoch
                    .frames
                    .iter()
                    .for_each(|frame| rewrite.note(&lead.epoch, frame));
            }
        }
    }

    /// What each frame of the epoch belongs to.
    fn decide(&mut self, epoch: &Epoch, buckets: &Buckets, kept: &mut Vec<Option<Belongs>>) {
        kept.clear();
        kept.resize(epoch.frames.len(), None);
        for packet in buckets.shards.iter().flatten() {
            let at = packet.payload.at as usize;
            let payload = epoch.bytes.get(at..at + packet.payload.length as usize).unwrap_or(&[]);
            if let Some(belongs) = self.belonging.of(packet, payload)
                && let Some(place) = kept.get_mut(packet.frame as usize)
            {
                *place = Some(belongs);
            }
        }
        if !self.pieces.is_empty() {
            for (place, frame) in kept.iter_mut().zip(&epoch.frames) {
                *place = place.or_else(|| self.pieces.get(&frame.stamp.seq).copied());
            }
        }
    }

    /// What was said of the packet, and what flowsift says.
    fn options(&mut self, frame: &Frame, said: Options) -> Options {
        let mut options = match &mut self.rewrite {
            Some(rewrite) => rewrite.packet(said),
            None => said,
        };
        let belonging = &self.belonging;
        let flows = belonging.begins_at(frame.stamp.seq).iter();
        let flows = flows.filter_map(|place| belonging.flows.get(*place as usize));
        let lookups = belonging.answered_at(frame.stamp.seq).iter();
        let lookups = lookups.filter_map(|place| belonging.lookups.get(*place as usize));
        let comments = flows
            .map(|flow| &*flow.comment)
            .chain(lookups.map(|lookup| &*lookup.comment));
        for comment in comments.filter(|comment| !comment.is_empty()) {
            options.push((COMMENT, comment.as_bytes().to_vec()));
        }
        options
    }
}

/// Interfaces as they are numbered in what is written: in the order in which they are needed.
#[derive(Default)]
struct Interfaces {
    written: u32,
    ordinal: u32,
    /// Of the current input: its number there.
    numbers: Vec<Option<u32>>,
}

impl Interfaces {
    /// The frames that come are of this input. What the interfaces of the one before had counted is known now.
    fn turn_to(&mut self, ordinal: u32, inputs: &Inputs, work: &mut Copying<'_>, out: &mut Vec<u8>) {
        if ordinal != self.ordinal {
            self.finish(inputs, work, out);
            self.ordinal = ordinal;
        }
    }

    fn finish(&mut self, inputs: &Inputs, work: &mut Copying<'_>, out: &mut Vec<u8>) {
        let described = inputs.described(self.ordinal);
        for (number, described) in self.numbers.drain(..).zip(described) {
            if let (Some(number), Some((time, options))) = (number, &described.statistics) {
                let options = match &mut work.rewrite {
                    Some(rewrite) => rewrite.statistics(options),
                    None => options.clone(),
                };
                blocks::statistics(out, number, *time, &options);
            }
        }
    }

    /// The number of a frame's interface, which is described first if it was not yet.
    fn of<'i>(
        &mut self,
        frame: &Frame,
        inputs: &'i Inputs,
        work: &mut Copying<'_>,
        out: &mut Vec<u8>,
    ) -> Option<(u32, &'i Described)> {
        let place = usize::from(frame.interface);
        let described = inputs.described(self.ordinal).get(place)?;
        if self.numbers.len() <= place {
            self.numbers.resize(place + 1, None);
        }
        let number = self.numbers.get_mut(place)?;
        if number.is_none() {
            let options = match &mut work.rewrite {
                Some(rewrite) => rewrite.interface(&described.options),
                None => described.options.clone(),
            };
            blocks::interface(out, described.link.0, described.snaplen, &options);
            *number = Some(self.written);
            self.written += 1;
        }
        number.map(|number| (number, described))
    }
}

/// What stands in the way of a file being what was read before.
pub fn check_unchanged(copied: &Copied, before: &[Option<String>]) -> Result<(), Failure> {
    match copied.stopped || copied.sha256 == before {
        true => Ok(()),
        false => Err(Failure::new(
            "an input changed while it was read, so what was carved is not what was judged: copy it, and name the copy",
        )),
    }
}
