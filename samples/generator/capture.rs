//! A capture being made: frames with times, and the structure of the file around them.

use super::day::time_of_day;
use super::link::{Link, Load};
use super::script::Statement;
use super::wrap::Wrap;
use super::{Made, pcap, pcapng};

/// One frame and when it was seen, in nanoseconds since 1970.
pub struct Frame {
    pub at: u64,
    pub interface: usize,
    pub block: Block,
    pub load: Load,
}

/// Which pcapng block holds a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Block {
    Enhanced,
    Simple,
    /// The Packet Block of pcapng's drafts.
    Obsolete,
}

/// One interface of a pcapng section; the one interface of a pcap file.
#[derive(Clone, Copy)]
pub struct Interface {
    pub link: Link,
    pub resolution: Resolution,
    pub snaplen: u32,
}

/// What a timestamp counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl Resolution {
    pub fn of_word(word: &str) -> Option<Resolution> {
        Some(match word {
            "s" => Resolution::Decimal(0),
            "ms" => Resolution::Decimal(3),
            "us" => Resolution::Decimal(6),
            "ns" => Resolution::Decimal(9),
            _ => Resolution::Binary(word.strip_prefix("2^-")?.parse().ok()?),
        })
    }

    /// Nanoseconds since 1970 in this unit, rounded down.
    pub fn units(self, ns: u64) -> u64 {
        let (ns, second) = (u128::from(ns), 1_000_000_000u128);
        let units = match self {
            Resolution::Decimal(digits) => ns * 10u128.pow(digits.into()) / second,
            Resolution::Binary(bits) => (ns << bits) / second,
        };
        units as u64
    }
}

/// One piece of the file, in the file's order.
pub enum Item {
    Section {
        big_endian: bool,
    },
    Interface(Interface),
    Frame(Frame),
    Statistics {
        received: u64,
        dropped: u64,
    },
    /// A block of a kind that readers have to pass over.
    Custom,
}

pub struct Capture {
    path: String,
    /// For pcap: the file header's facts. For pcapng: what the first section and interface are, if nothing else is said.
    pub interface: Interface,
    pub big_endian: bool,
    /// Kuznetzov's variant of pcap with longer record headers.
    pub modified: bool,
    /// The frames stay in the order of the script, whatever their times.
    unsorted: bool,
    /// From this time on another file goes on with the capture.
    rotation: Option<(u64, String)>,
    /// Bytes missing at the file's end.
    cut: usize,
    pub items: Vec<Item>,
    /// What the statements that follow write into.
    pub current_interface: usize,
    pub current_block: Block,
}

impl Capture {
    /// `capture PATH [LINK] [RESOLUTION] [big] [modified] [unsorted] [snaplen N] [cut N] [rotate TIME PATH]`
    pub fn of_statement(statement: &mut Statement, midnight: u64) -> Result<Capture, String> {
        let mut capture = Capture {
            path: statement.word("a path")?,
            interface: Interface {
                link: Link::Ethernet,
                resolution: Resolution::Decimal(6),
                snaplen: 262_144,
            },
            big_endian: false,
            modified: false,
            unsorted: false,
            rotation: None,
            cut: 0,
            items: Vec::new(),
            current_interface: 0,
            current_block: Block::Enhanced,
        };
        while let Some(word) = statement.next() {
            match word.as_str() {
                "big" => capture.big_endian = true,
                "modified" => capture.modified = true,
                "unsorted" => capture.unsorted = true,
                "rotate" => {
                    let at = midnight + time_of_day(&statement.word("a time")?)?;
                    capture.rotation = Some((at, statement.word("a path")?));
                }
                "cut" => capture.cut = statement.value("a count of bytes")?,
                _ => capture.interface.describe(&word, statement)?,
            }
        }
        Ok(capture)
    }

    /// The path below `samples/`; it also seeds the noise.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn add(&mut self, at: u64, load: Load) {
        self.items.push(Item::Frame(Frame {
            at,
            interface: self.current_interface,
            block: self.current_block,
            load,
        }));
    }

    /// The file, or the files of a capture that rotated.
    pub fn finish(mut self) -> Vec<Made> {
        if !self.unsorted {
            self.sort();
        }
        let Some((at, path)) = self.rotation.take() else {
            return vec![self.made()];
        };
        let is_later = |item: &Item| matches!(item, Item::Frame(frame) if frame.at >= at);
        let (later, earlier) = std::mem::take(&mut self.items).into_iter().partition(is_later);
        self.items = earlier;
        let first = self.made();
        self.items = later;
        self.path = path;
        vec![first, self.made()]
    }

    fn made(&self) -> Made {
        let plain = self.path.trim_end_matches(".gz");
        let plain = plain.trim_end_matches(".zst").trim_end_matches(".lz4");
        let mut content = match plain.ends_with(".pcapng") {
            true => pcapng::write(self),
            false => pcap::write(self),
        };
        content.truncate(content.len().saturating_sub(self.cut));
        Made {
            wrap: Wrap::of_path(&self.path),
            path: self.path.clone().into(),
            content,
        }
    }

    /// Puts the frames between two other items in the order of their times.
    fn sort(&mut self) {
        let is_frame = |item: &Item| matches!(item, Item::Frame(_));
        for run in self.items.chunk_by_mut(|a, b| is_frame(a) && is_frame(b)) {
            run.sort_by_key(|item| match item {
                Item::Frame(frame) => frame.at,
                _ => 0,
            });
        }
    }
}

impl Interface {
    /// Takes one word of an interface's description: a link, a resolution, or `snaplen N`.
    pub fn describe(&mut self, word: &str, statement: &mut Statement) -> Result<(), String> {
        if let Some(link) = Link::of_word(word) {
            self.link = link;
        } else if let Some(resolution) = Resolution::of_word(word) {
            self.resolution = resolution;
        } else if word == "snaplen" {
            self.snaplen = statement.value("a count of bytes")?;
        } else {
            return statement.unexpected(word);
        }
        Ok(())
    }

    /// How many bytes of a frame are kept.
    pub fn keep<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        &frame[..frame.len().min(self.snaplen as usize)]
    }
}
