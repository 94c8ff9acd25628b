//! Keeping the packets as well as looking at them: `-w`.
//!
//! ```text
//!  epoch ─▶ records ─▶ chunk ─▶ bounded channel ─▶ thread ─▶ file, file, file ...
//!                        ◀─────── the same memory, empty again
//! ```
//!
//! The disk never stalls the listening: a thread of its own writes, and if it falls behind by all the chunks that there are,
//! packets are not kept; they are counted, and the run says so in the end. Where files begin is decided here, packet by
//! packet, so that a file has the size and the span that were asked for; the thread only does what the chunks say. Only
//! whole records are handed over, so a file is a whole capture whenever it is looked at.

mod files;
mod format;
mod name;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use files::Files;
pub use format::{Format, Interface};

use super::ending::now_ns;
use super::meter::Meter;
use crate::engine::epoch::Epoch;

/// Which files, and when the next one is begun.
#[derive(Debug, Clone)]
pub struct KeepOptions {
    pub path: PathBuf,
    pub format: Format,
    pub rotate_size: Option<u64>,
    pub rotate_every: Option<Duration>,
    /// So many files are kept, the oldest of this run are removed.
    pub most_files: Option<usize>,
}

impl KeepOptions {
    /// Several files, with a number and a time in their names.
    fn rotates(&self) -> bool {
        self.rotate_size.is_some() || self.rotate_every.is_some()
    }
}

/// Bytes of a chunk that is full.
const CHUNK_BYTES: usize = 1 << 20;
/// All the chunks that there are.
const MOST_CHUNKS: usize = 64;

/// Whole records that belong into one file.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    packets: u64,
    /// The file's number, from 1, and when it begins.
    file: u64,
    file_ns: u64,
}

/// The way of packets into files.
pub struct Keep {
    options: KeepOptions,
    meter: Arc<Meter>,
    /// None while the disk has all the chunks.
    chunk: Option<Chunk>,
    made: usize,
    spent: Receiver<Chunk>,
    /// None once all is written.
    writing: Option<Writing>,
    header: u64,
    file: u64,
    file_ns: u64,
    file_bytes: u64,
}

/// The thread that writes, and the way to it.
struct Writing {
    to: SyncSender<Chunk>,
    thread: JoinHandle<Vec<String>>,
}

impl Keep {
    /// Begins the first file; the error is one line that says what to do.
    pub fn begin(options: KeepOptions, interfaces: Vec<Interface>, meter: Arc<Meter>) -> Result<Keep, String> {
        if let (Format::Pcap, Some(first)) = (options.format, interfaces.first())
            && let Some(other) = interfaces.iter().find(|interface| interface.link != first.link)
        {
            return Err(format!(
                "{}: {} and {} have different link types, and a pcap file has one: give -w a name that ends in .pcapng",
                options.path.display(),
                first.name,
                other.name
            ));
        }
        meter.keeps.store(true, Ordering::Relaxed);
        let header = options.format.header(&interfaces);
        let header_length = header.len() as u64;
        let file_ns = now_ns();
        let mut files = Files::begin(options.clone(), header, Arc::clone(&meter), file_ns)?;
        // There is room for all the chunks in both channels: nobody waits for it.
        let (to, chunks) = mpsc::sync_channel::<Chunk>(MOST_CHUNKS);
        let (back, spent) = mpsc::sync_channel(MOST_CHUNKS);
        let thread = thread::Builder::new().name("keep".to_owned()).spawn(move || {
            for mut chunk in chunks {
                files.write(&chunk);
                chunk.bytes.clear();
                chunk.packets = 0;
                let _ = back.try_send(chunk);
            }
            files.finish()
        });
        let thread = thread.map_err(|error| format!("a thread for writing cannot be started: {error}"))?;
        Ok(Keep {
            options,
            meter,
            chunk: None,
            made: 0,
            spent,
            writing: Some(Writing { to, thread }),
            header: header_length,
            file: 1,
            file_ns,
            file_bytes: header_length,
        })
    }

    /// Keeps an epoch's packets.
    pub fn take(&mut self, epoch: &Epoch) {
        let format = self.options.format;
        for frame in &epoch.frames {
            let length = format.record_length(frame) as u64;
            if self.is_over(length, frame.stamp.ns) {
                self.hand_over();
                self.file += 1;
                self.file_ns = frame.stamp.ns;
                self.file_bytes = self.header;
            }
            let Some(chunk) = self.chunk() else {
                self.meter.unkept.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            format.record(&mut chunk.bytes, frame, epoch.frame_bytes(frame));
            chunk.packets += 1;
            let is_full = chunk.bytes.len() >= CHUNK_BYTES;
            self.file_bytes += length;
            if is_full {
                self.hand_over();
            }
        }
    }

    /// What has gathered goes to the disk.
    pub fn hand_over(&mut self) {
        let full = self.chunk.take_if(|chunk| chunk.packets > 0);
        let (Some(chunk), Some(writing)) = (full, &self.writing) else {
            return;
        };
        if let Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) = writing.to.try_send(chunk) {
            self.meter.unkept.fetch_add(chunk.packets, Ordering::Relaxed);
        }
    }

    /// Writes all there is, and tells what went wrong: a line each.
    pub fn finish(&mut self) -> Vec<String> {
        self.hand_over();
        let Some(Writing { to, thread }) = self.writing.take() else {
            return Vec::new();
        };
        drop(to);
        let mut lines = thread.join().unwrap_or_default();
        let unkept = self.meter.unkept.load(Ordering::Relaxed);
        if unkept > 0 {
            let all = unkept + self.meter.kept.load(Ordering::Relaxed);
            lines.push(format!(
                "{}: {unkept} of {all} packets were not kept: the disk was full or too slow",
                self.options.path.display()
            ));
        }
        lines
    }

    /// The next packet belongs into the next file. One without packets is never over.
    fn is_over(&self, length: u64, ns: u64) -> bool {
        let KeepOptions {
            rotate_size,
            rotate_every,
            ..
        } = &self.options;
        let has_packets = self.file_bytes > self.header;
        let too_large = rotate_size.is_some_and(|most| self.file_bytes + length > most);
        let too_long =
            rotate_every.is_some_and(|every| u128::from(ns.saturating_sub(self.file_ns)) >= every.as_nanos());
        has_packets && (too_large || too_long)
    }

    fn chunk(&mut self) -> Option<&mut Chunk> {
        if self.chunk.is_none() {
            let mut chunk = match self.spent.try_recv() {
                Ok(chunk) => chunk,
                Err(_) if self.made < MOST_CHUNKS => {
                    self.made += 1;
                    Chunk::default()
                }
                Err(_) => return None,
            };
            chunk.file = self.file;
            chunk.file_ns = self.file_ns;
            self.chunk = Some(chunk);
        }
        self.chunk.as_mut()
    }
}

/// A run that ends early, because nobody reads its results any more, leaves whole files too.
impl Drop for Keep {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests;
