//! Where packets come from: files, pipes and folders become [`Epoch`]s.
//!
//! ```text
//!  folder ─▶ files ─┐
//!  file ────────────┼─▶ stream (count, hash, unpack) ─▶ input (pieces, carry) ─▶ pcap_file | pcapng_file ─▶ Epoch
//!  pipe, `-` ───────┘
//!  folder that grows ─▶ follow ─▶ one file after another, as they grow ─▶ stream ...
//!  interfaces ─▶ live ─▶ Epoch, and files (keep)
//! ```
//!
//! The contract:
//! - Several inputs are one stream. They are read one behind the other, by the time of their first
//!   packet, then by name; one without packets counts as the oldest. What cannot be read twice
//!   (standard input, a pipe) comes last, in the order given. An input's place is its ordinal.
//! - Frames are numbered from 1 in each input; every packet record counts, as in Wireshark.
//! - A damaged or cut input is read up to its last whole packet, and a warning says so. An input
//!   that is no capture is a fault, and the others are read all the same.
//! - Frames point into [`Epoch::bytes`], whose length says nothing: behind the last frame are
//!   leftovers. Keep an epoch and hand it in again; a fresh one costs its memory's first touch.
//! - Memory does not depend on what a file claims: lengths are capped, and unpacking is streaming.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod described;
pub mod ending;
#[cfg(feature = "live")]
pub mod filter;
pub mod follow;
#[cfg(feature = "live")]
pub mod keep;
#[cfg(feature = "live")]
pub mod live;
pub mod meter;
pub mod pcapng_blocks;

mod cut;
mod folder;
mod input;
mod magic;
mod order;
mod pcap_file;
mod pcapng_file;
mod pcapng_interface;
mod stream;
mod unpack;
mod walk;

#[cfg(test)]
mod sample;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::epoch::{Epoch, InputFacts, Source, Stretch};
use crate::source::described::Described;
use crate::source::input::{Input, Refusal};
use crate::source::stream::Stored;

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Clone, Copy, Default)]
pub struct InputOptions {
    /// Compute the SHA-256 of the stored bytes while reading.
    pub hash: bool,
}

/// Captures as one stream, see the module's contract.
pub struct Inputs {
    /// By ordinal, beginning with the next one.
    waiting: VecDeque<Place>,
    current: Option<(Input, u32)>,
    opened: u32,
    facts: Vec<InputFacts>,
    /// Of the inputs that have ended, by ordinal.
    described: Vec<Vec<Described>>,
    faults: Vec<String>,
    progress: Progress,
    options: InputOptions,
}

/// How much has been read; for a progress bar, also from another thread.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    read: Arc<AtomicU64>,
    total: Option<u64>,
}

impl Progress {
    /// Stored (compressed) bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Stored bytes of all inputs; `None` if one of them is a pipe.
    pub fn bytes_total(&self) -> Option<u64> {
        self.total
    }
}

/// An input that is not being read yet.
enum Place {
    /// Looked at and closed again: thousands of files may be waiting.
    File(PathBuf),
    /// Cannot be opened twice.
    Pipe(Box<Input>),
}

impl Inputs {
    /// Finds the inputs behind `paths` (a file, a folder, `-`) and their order. Fails, with one line a path, if none can be used;
    /// if some can, the lines are in [`Source::faults`].
    pub fn open(paths: &[PathBuf], options: InputOptions) -> Result<Inputs, Vec<String>> {
        let mut search = Search::new(options);
        for path in paths {
            search.path(path);
        }
        search.finish()
    }

    /// One input that is not on the disk: whatever `from` gives, by the name of `name`.
    pub fn from_reader(
        name: &str,
        from: Box<dyn io::Read + Send>,
        options: InputOptions,
    ) -> Result<Inputs, Vec<String>> {
        let mut search = Search::new(options);
        search.pipe(Path::new(name), from);
        search.finish()
    }

    /// A handle on how much has been read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    pub fn bytes_read(&self) -> u64 {
        self.progress.bytes_read()
    }

    pub fn bytes_total(&self) -> Option<u64> {
        self.progress.bytes_total()
    }

    /// What an input says of its interfaces, as far as it was read; by [`Frame::interface`](crate::engine::epoch::Frame::interface).
    pub fn described(&self, ordinal: u32) -> &[Described] {
        match &self.current {
            Some((input, current)) if *current == ordinal => input.described(),
            _ => self.described.get(ordinal as usize).map_or(&[], Vec::as_slice),
        }
    }

    /// The input that is being read has ended.
    fn close(&mut self) {
        if let Some((input, ordinal)) = self.current.take() {
            let place = ordinal as usize;
            if self.described.len() <= place {
                self.described.resize_with(place + 1, Vec::new);
            }
            if let Some(described) = self.described.get_mut(place) {
                described.extend_from_slice(input.described());
            }
        }
    }

    /// Opens the next input that can be opened.
    fn next_input(&mut self) -> Option<(Input, u32)> {
        loop {
            let place = self.waiting.pop_front()?;
            let ordinal = self.opened;
            self.opened += 1;
            let path = match place {
                Place::Pipe(input) => return Some((*input, ordinal)),
                Place::File(path) => path,
            };
            let mut scrap = InputFacts::default();
            let facts = self.facts.get_mut(ordinal as usize).unwrap_or(&mut scrap);
            let count = Arc::clone(&self.progress.read);
            match open_file(&path, count, self.options.hash, facts) {
                Ok(input) => return Some((input, ordinal)),
                Err(refusal) => self.faults.push(fault(&path, &refusal.why)),
            }
        }
    }
}

impl Source for Inputs {
    fn fill(&mut self, epoch: &mut Epoch, target: usize) -> bool {
        loop {
            if self.current.is_none() {
                self.current = self.next_input();
            }
            let Some((input, ordinal)) = &mut self.current else {
                epoch.clear();
                return false;
            };
            epoch.ordinal = *ordinal;
            let mut scrap = InputFacts::default();
            let facts = self.facts.get_mut(*ordinal as usize).unwrap_or(&mut scrap);
            let filled = input.fill(epoch, target, facts);
            if let Some(failure) = input.take_failure() {
                self.faults.push(fault(Path::new(&facts.name), &failure));
            }
            if filled {
                return true;
            }
            self.close();
        }
    }

    fn stretch(&mut self) -> Option<Stretch> {
        if self.current.is_none() {
            self.current = self.next_input();
        }
        let (input, ordinal) = self.current.as_mut()?;
        input.stretch(*ordinal)
    }

    fn pass(&mut self, to: u64, packets: u64, again: bool) {
        if let Some((input, _)) = &mut self.current {
            let passed = input.pass(to, packets, again);
            self.progress.read.fetch_add(passed, Ordering::Relaxed);
        }
    }

    fn inputs(&self) -> &[InputFacts] {
        &self.facts
    }

    fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// The way from paths to an order of inputs.
struct Search {
    options: InputOptions,
    /// By the time of the first packet, then by name.
    files: Vec<(u64, PathBuf)>,
    pipes: Vec<(Box<Input>, InputFacts)>,
    faults: Vec<String>,
    read: Arc<AtomicU64>,
    total: u64,
}

impl Search {
    fn new(options: InputOptions) -> Search {
        Search {
            options,
            files: Vec::new(),
            pipes: Vec::new(),
            faults: Vec::new(),
            read: Arc::default(),
            total: 0,
        }
    }

    fn path(&mut self, path: &Path) {
        if path.as_os_str() == STANDARD_INPUT {
            return self.standard_input();
        }
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => self.folder(path),
            Ok(about) if about.is_file() => {
                if let Err(refusal) = self.file(path) {
                    self.faults.push(fault(path, &refusal.why));
                }
            }
            Ok(_) => match File::open(path) {
                Ok(pipe) => self.pipe(path, Box::new(pipe)),
                Err(error) => self.faults.push(fault(path, &not_opened(&error))),
            },
            Err(error) => self.faults.push(fault(path, &not_opened(&error))),
        }
    }

    /// Looks at a file's first packet and closes it again.
    fn file(&mut self, path: &Path) -> Result<(), Refusal> {
        let mut facts = InputFacts::default();
        let mut input = open_file(path, Arc::default(), false, &mut facts)?;
        let mut epoch = Epoch::default();
        input.fill(&mut epoch, 1, &mut facts);
        let first = epoch.frames.first().map_or(0, |frame| frame.stamp.ns);
        self.total += fs::metadata(path).map_or(0, |about| about.len());
        self.files.push((first, path.to_owned()));
        Ok(())
    }

    fn folder(&mut self, folder: &Path) {
        let before = (self.files.len(), self.faults.len());
        let (files, faults) = folder::files(folder);
        for (path, error) in faults {
            self.faults.push(fault(&path, &not_opened(&error)));
        }
        for path in files {
            match self.file(&path) {
                Err(refusal) if refusal.capture => self.faults.push(fault(&path, &refusal.why)),
                _ => {}
            }
        }
        if before == (self.files.len(), self.faults.len()) {
            self.faults.push(fault(
                folder,
                "a folder without captures (pcap or pcapng, plain or in gzip, zstd or lz4); give one that has some, or files",
            ));
        }
    }

    fn standard_input(&mut self) {
        let path = Path::new(STANDARD_INPUT);
        if self.pipes.iter().any(|(_, facts)| facts.name == STANDARD_INPUT) {
            let why = "standard input can be read only once; give `-` once";
            self.faults.push(fault(path, why));
            return;
        }
        self.pipe(path, Box::new(io::stdin()));
    }

    fn pipe(&mut self, path: &Path, from: Box<dyn io::Read + Send>) {
        let stored = Stored::new(from, Arc::clone(&self.read), self.options.hash);
        let mut facts = named(path);
        match Input::open(stored, Some(path), &mut facts) {
            Ok(input) => self.pipes.push((Box::new(input), facts)),
            Err(refusal) => self.faults.push(fault(path, &refusal.why)),
        }
    }

    fn finish(mut self) -> Result<Inputs, Vec<String>> {
        if self.files.is_empty() && self.pipes.is_empty() {
            return Err(self.faults);
        }
        self.files.sort();
        let total = self.pipes.is_empty().then_some(self.total);
        let mut waiting = VecDeque::new();
        let mut facts = Vec::new();
        for (_, path) in self.files {
            facts.push(named(&path));
            waiting.push_back(Place::File(path));
        }
        for (input, about) in self.pipes {
            facts.push(about);
            waiting.push_back(Place::Pipe(input));
        }
        Ok(Inputs {
            waiting,
            current: None,
            opened: 0,
            facts,
            described: Vec::new(),
            faults: self.faults,
            progress: Progress { read: self.read, total },
            options: self.options,
        })
    }
}

fn open_file(path: &Path, count: Arc<AtomicU64>, hash: bool, facts: &mut InputFacts) -> Result<Input, Refusal> {
    let file = File::open(path).map_err(|error| Refusal {
        why: not_opened(&error),
        capture: true,
    })?;
    // A hash wants all bytes in their order.
    let again = if hash { None } else { file.try_clone().ok() };
    let mut input = Input::open(Stored::new(Box::new(file), count, hash), Some(path), facts)?;
    if let Some(again) = again {
        input.allow_cutting(again);
    }
    Ok(input)
}

fn named(path: &Path) -> InputFacts {
    InputFacts {
        name: path.display().to_string(),
        ..InputFacts::default()
    }
}

fn not_opened(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder; look at the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; run as a user who may read it, or change its mode".to_owned()
        }
        _ => format!("cannot be opened ({error})"),
    }
}

/// One line about one input. A file's name may hold anything, a line break too.
fn fault(path: &Path, why: &str) -> String {
    let mut line = String::new();
    for character in path.display().to_string().chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line + ": " + why
}

#[cfg(test)]
mod tests;
