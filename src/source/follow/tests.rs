use std::fs::{self, OpenOptions};
use std::io::Write;

use super::*;
use crate::source::sample::pcap;

/// A source in a thread of its own is no exception.
fn is_send<T: Send>(_: &T) {}

/// A folder, what follows it, and what was read: file's name, seconds, first byte.
struct Lab {
    folder: tempfile::TempDir,
    follow: Follow,
    stop: Arc<AtomicBool>,
}

type Seen = Vec<(String, u64, u8)>;

fn lab() -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let until = Until::default();
    let stop = Arc::clone(&until.stop);
    let follow = Follow::open(folder.path(), false, until).unwrap();
    is_send(&follow);
    Lab { folder, follow, stop }
}

impl Lab {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        let mut file = OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Everything that there is for now: until nothing has come for two lulls, so that the folder was looked at since.
    fn read(&mut self) -> Seen {
        let mut seen = Vec::new();
        let mut epoch = Epoch::default();
        let mut silent = 0;
        while silent < 2 && self.follow.fill(&mut epoch, 1000) {
            silent = if epoch.frames.is_empty() { silent + 1 } else { 0 };
            seen.extend(epoch.frames.iter().map(|frame| {
                let name = &self.follow.inputs()[frame.stamp.ordinal() as usize].name;
                let name = Path::new(name).file_name().unwrap().to_str().unwrap();
                (
                    name.to_owned(),
                    frame.stamp.ns / 1_000_000_000,
                    epoch.frame_bytes(frame)[0],
                )
            }));
        }
        seen
    }
}

fn seen(all: &[(&str, u64, u8)]) -> Seen {
    all.iter()
        .map(|(name, at, byte)| (name.to_string(), *at, *byte))
        .collect()
}

#[test]
fn files_come_by_their_first_packets_and_the_last_one_grows() {
    let mut lab = lab();
    lab.write("b", &pcap(&[(10, 0, b"1")]));
    lab.write("a", &pcap(&[(20, 0, b"2"), (21, 0, b"3")]));
    lab.write("notes.txt", b"no capture, but a text of some length");
    lab.write("empty", b"");
    lab.write("header", &pcap(&[]));
    assert_eq!(lab.read(), seen(&[("b", 10, b'1'), ("a", 20, b'2'), ("a", 21, b'3')]));

    // A record comes in two pieces; the piece waits.
    let more = pcap(&[(22, 0, b"4444"), (23, 0, b"5555")]);
    let records = &more[24..];
    lab.append("a", &records[..30]);
    assert_eq!(lab.read(), seen(&[("a", 22, b'4')]));
    lab.append("a", &records[30..]);
    assert_eq!(lab.read(), seen(&[("a", 23, b'5')]));

    // The next file begins, and one that had only a header gets its first packet.
    lab.write("c", &pcap(&[(30, 0, b"6")]));
    lab.append("header", &pcap(&[(40, 0, b"7")])[24..]);
    assert_eq!(lab.read(), seen(&[("c", 30, b'6'), ("header", 40, b'7')]));
    assert!(lab.follow.faults().is_empty());
    assert_eq!(lab.follow.inputs().len(), 4);
    assert_eq!(lab.follow.meter().files_since(0).len(), 4);

    lab.stop.store(true, Ordering::Relaxed);
    assert_eq!(lab.read(), []);
    assert!(!lab.follow.fill(&mut Epoch::default(), 1000));
}

#[test]
fn a_ring_that_writes_over_its_files_is_followed_round() {
    let mut lab = lab();
    lab.write("0", &pcap(&[(1, 0, b"a"), (2, 0, b"b")]));
    lab.write("1", &pcap(&[(3, 0, b"c")]));
    assert_eq!(lab.read().len(), 3);
    // The same names again, in place.
    lab.write("0", &pcap(&[(4, 0, b"d")]));
    assert_eq!(lab.read(), seen(&[("0", 4, b'd')]));
    // Longer than before, and the file that is being read.
    lab.write("0", &pcap(&[(5, 0, b"e"), (6, 0, b"f"), (7, 0, b"g")]));
    assert_eq!(lab.read(), seen(&[("0", 5, b'e'), ("0", 6, b'f'), ("0", 7, b'g')]));
    // Shorter.
    lab.write("0", &pcap(&[(8, 0, b"h")]));
    assert_eq!(lab.read(), seen(&[("0", 8, b'h')]));
}

#[test]
fn files_that_are_renamed_removed_or_compressed_are_not_read_twice() {
    let mut lab = lab();
    let first = pcap(&[(1, 0, b"a"), (2, 0, b"b")]);
    lab.write("one.pcap", &first);
    lab.write("two.pcap", &pcap(&[(3, 0, b"c")]));
    assert_eq!(lab.read().len(), 3);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&first).unwrap();
    lab.write("one.pcap.gz", &packed.finish().unwrap());
    fs::remove_file(lab.path("one.pcap")).unwrap();
    fs::rename(lab.path("two.pcap"), lab.path("two.pcap.1")).unwrap();
    assert_eq!(lab.read(), []);
    // What is renamed is the same file: it may still grow.
    lab.append("two.pcap.1", &pcap(&[(4, 0, b"d")])[24..]);
    assert_eq!(lab.read(), seen(&[("two.pcap", 4, b'd')]));
    fs::remove_file(lab.path("two.pcap.1")).unwrap();
    lab.write("two.pcap", &pcap(&[(5, 0, b"e")]));
    assert_eq!(lab.read(), seen(&[("two.pcap", 5, b'e')]));
}

#[test]
fn a_piece_of_a_record_that_is_never_finished_is_a_warning() {
    let mut lab = lab();
    let whole = pcap(&[(1, 0, b"aaaa"), (2, 0, b"bbbb")]);
    lab.write("1", &whole[..whole.len() - 2]);
    assert_eq!(lab.read().len(), 1);
    lab.write("2", &pcap(&[(3, 0, b"c")]));
    let mut all = lab.read();
    all.extend(lab.read());
    assert_eq!(all, seen(&[("2", 3, b'c')]));
    let warnings = &lab.follow.inputs()[0].warnings;
    assert!(
        warnings[0].contains("the last record wants 4 bytes, 2 are there"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_not_there_is_refused_and_what_is_damaged_is_a_fault() {
    let mut lab = lab();
    let refused = Follow::open(&lab.path("nowhere"), false, Until::default());
    assert!(refused.err().unwrap().contains("no such file or folder"));
    let mut damaged = pcap(&[(1, 0, b"a")]);
    damaged[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    lab.write("damaged", &damaged);
    lab.write("fine", &pcap(&[(2, 0, b"b")]));
    assert_eq!(lab.read(), seen(&[("fine", 2, b'b')]));
    let faults = lab.follow.faults();
    assert_eq!(faults.len(), 1);
    assert!(faults[0].contains("damaged: cut short: record 1 claims"), "{faults:?}");
    assert_eq!(lab.follow.meter().said_since(0), faults);
}

#[test]
fn it_ends_after_so_many_packets() {
    let mut lab = lab();
    lab.write("1", &pcap(&[(1, 0, b"a"), (2, 0, b"b"), (3, 0, b"c")]));
    let until = Until {
        packets: Some(2),
        ..Until::default()
    };
    lab.follow = Follow::open(lab.folder.path(), false, until).unwrap();
    assert_eq!(lab.read(), seen(&[("1", 1, b'a'), ("1", 2, b'b')]));
}
