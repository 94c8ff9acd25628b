//! A folder into which another program rotates captures: which file is next.
//!
//! ```text
//!  seen, without a packet ─▶ with its first packet ─▶ taken
//!        ▲                                              │
//!        └── written over, or another file of that name ┘
//! ```
//!
//! Files are taken by the time of their first packet, then by name. One is itself by its inode and its first packet: a ring
//! of files writes over old ones under the same name, a rotation gives old ones new names, and inodes are used again. A
//! compressed file is taken once nobody has written to it for a while, and not at all if it is a taken one, compressed since.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::engine::epoch::{Epoch, InputFacts};
use crate::source::input::Input;
use crate::source::stream::Stored;
use crate::source::{fault, folder, not_opened};

/// How long a compressed file must have been left alone.
const SETTLED: Duration = Duration::from_secs(2);
/// Files remembered after they were taken. Of older ones the names are gone, or their time has not changed.
const MOST_TAKEN: usize = 4096;
/// Less than this and the file's header is not all there.
const LEAST: u64 = 28;

/// The files of a folder, or a single file.
pub struct Watch {
    place: PathBuf,
    known: HashMap<PathBuf, Known>,
    taken: VecDeque<Taken>,
    /// Damaged captures, a line each.
    faults: Vec<String>,
    scrap: Epoch,
}

/// What was there when it was looked at last.
struct Known {
    version: Version,
    state: State,
}

/// Changes with every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    inode: Inode,
    length: u64,
    modified: Option<SystemTime>,
}

type Inode = (u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No packet yet.
    Waiting,
    Ready(First),
    Taken(First),
    /// No capture, or one that was taken under another name.
    PassedOver,
}

/// A file's first packet: its time, and what else there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct First {
    ns: u64,
    rest: u64,
}

struct Taken {
    inode: Inode,
    path: PathBuf,
    first: First,
}

impl Watch {
    pub fn new(place: PathBuf) -> Watch {
        Watch {
            place,
            known: HashMap::new(),
            taken: VecDeque::new(),
            faults: Vec::new(),
            scrap: Epoch::default(),
        }
    }

    /// Looks at what is there now; `current` is being read and needs no look.
    pub fn look(&mut self, current: Option<&Path>) {
        let files = match self.place.is_dir() {
            true => folder::files(&self.place).0,
            false => vec![self.place.clone()],
        };
        self.known.retain(|path, _| files.binary_search(path).is_ok());
        for path in files {
            let Ok(about) = fs::metadata(&path) else { continue };
            let version = Version::of(&about);
            let known = self.known.get(&path);
            let is_current = current == Some(&path) && known.is_some_and(|known| known.version.inode == version.inode);
            let is_settled = known.is_some_and(|known| known.version == version && known.state != State::Waiting);
            if !is_current && !is_settled {
                let state = self.examine(&path, version);
                self.known.insert(path, Known { version, state });
            }
        }
    }

    /// There is a file behind the one that is being read.
    pub fn has_next(&self) -> bool {
        self.next().is_some()
    }

    /// Takes the next file.
    pub fn take_next(&mut self) -> Option<PathBuf> {
        let (first, path) = self.next()?;
        let known = self.known.get_mut(&path)?;
        known.state = State::Taken(first);
        if self.taken.len() >= MOST_TAKEN {
            self.taken.pop_front();
        }
        self.taken.push_back(Taken {
            inode: known.version.inode,
            path: path.clone(),
            first,
        });
        Some(path)
    }

    /// A file that was taken has been written over: it is looked at as a new one.
    pub fn forget(&mut self, path: &Path) {
        self.known.remove(path);
        self.taken.retain(|taken| taken.path != path);
    }

    pub fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    fn next(&self) -> Option<(First, PathBuf)> {
        let ready = self.known.iter().filter_map(|(path, known)| match known.state {
            State::Ready(first) => Some((first, path)),
            _ => None,
        });
        let (first, path) = ready.min_by_key(|(first, path)| (first.ns, *path))?;
        Some((first, path.clone()))
    }

    fn examine(&mut self, path: &Path, version: Version) -> State {
        if version.length < LEAST {
            return State::Waiting;
        }
        let mut facts = InputFacts::default();
        let opened = open(path, Arc::default(), false, &mut facts);
        let (mut input, _) = match opened {
            Ok(opened) => opened,
            Err(why) => return self.refuse(path, why),
        };
        let is_written_to = version
            .modified
            .and_then(|then| then.elapsed().ok())
            .is_some_and(|since| since < SETTLED);
        if input.is_compressed() && is_written_to {
            return State::Waiting;
        }
        input.fill(&mut self.scrap, 1, &mut facts);
        let Some(frame) = self.scrap.frames.first() else {
            // Its end is not reached before somebody says so: it is damaged.
            let Some(damage) = facts.warnings.pop().filter(|_| input.has_ended()) else {
                return State::Waiting;
            };
            self.faults.push(fault(path, &damage));
            return State::PassedOver;
        };
        let mut hash = DefaultHasher::new();
        (frame.wire, self.scrap.frame_bytes(frame)).hash(&mut hash);
        let first = First {
            ns: frame.stamp.ns,
            rest: hash.finish(),
        };
        let before = self.taken.iter().find(|taken| taken.inode == version.inode);
        match before {
            Some(taken) if taken.first == first && taken.path == path => State::Taken(first),
            Some(taken) if taken.first == first => State::PassedOver,
            _ if input.is_compressed() && self.was_taken_before_compression(path) => State::PassedOver,
            _ => State::Ready(first),
        }
    }

    /// `a.pcap.gz`, where `a.pcap` was taken.
    fn was_taken_before_compression(&self, path: &Path) -> bool {
        let plain = path.with_extension("");
        self.taken.iter().any(|taken| taken.path == plain)
    }

    fn refuse(&mut self, path: &Path, why: Refused) -> State {
        match why {
            Refused::Gone => State::Waiting,
            Refused::Unusable { why, capture } => {
                // In a folder other files are passed over in silence; one that was named is not.
                if capture || path == self.place {
                    self.faults.push(fault(path, &why));
                }
                State::PassedOver
            }
        }
    }
}

impl Version {
    fn of(about: &Metadata) -> Version {
        Version {
            inode: (about.dev(), about.ino()),
            length: about.len(),
            modified: about.modified().ok(),
        }
    }
}

/// Why a file cannot be read.
pub enum Refused {
    Gone,
    Unusable { why: String, capture: bool },
}

/// Opens a file that may still grow.
pub fn open(
    path: &Path,
    finished: Arc<AtomicBool>,
    hash: bool,
    facts: &mut InputFacts,
) -> Result<(Input, Original), Refused> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Refused::Gone,
        _ => Refused::Unusable {
            why: not_opened(&error),
            capture: true,
        },
    };
    let file = File::open(path).map_err(refused)?;
    let original = Original::of(&file).map_err(refused)?;
    let grows = Growing { file, finished };
    let stored = Stored::new(Box::new(grows), Arc::clone(&original.read), hash);
    match Input::open(stored, Some(path), facts) {
        Ok(input) => Ok((input, original)),
        Err(refusal) => Err(Refused::Unusable {
            why: refusal.why,
            capture: refusal.capture,
        }),
    }
}

/// A file whose end is not the end until somebody says so.
struct Growing {
    file: File,
    finished: Arc<AtomicBool>,
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.file.read(buffer)? {
            0 if !buffer.is_empty() && !self.finished.load(Ordering::Relaxed) => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

/// How a file began: one that is written over begins otherwise, or is shorter than what was read of it.
pub struct Original {
    file: File,
    head: Vec<u8>,
    read: Arc<std::sync::atomic::AtomicU64>,
}

impl Original {
    /// Enough to hold a first packet, behind whatever a pcapng section says of itself.
    const HEAD: usize = 4096;

    fn of(file: &File) -> io::Result<Original> {
        let file = file.try_clone()?;
        let mut head = vec![0; Original::HEAD];
        let there = read_at_start(&file, &mut head)?;
        head.truncate(there);
        Ok(Original {
            file,
            head,
            read: Arc::default(),
        })
    }

    /// It has only grown since.
    pub fn is_there_still(&self) -> bool {
        let mut head = vec![0; self.head.len()];
        let is_long_enough = self
            .file
            .metadata()
            .is_ok_and(|about| about.len() >= self.read.load(Ordering::Relaxed));
        is_long_enough && read_at_start(&self.file, &mut head).is_ok() && head == self.head
    }
}

fn read_at_start(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut there = 0;
    while let Some(room) = buffer.get_mut(there..).filter(|room| !room.is_empty()) {
        match file.read_at(room, there as u64) {
            Ok(0) => break,
            Ok(read) => there += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}
