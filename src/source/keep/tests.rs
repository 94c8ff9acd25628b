use std::fs;
use std::path::Path;

use super::*;
use crate::engine::epoch::Frame;
use crate::flow::stamp::Stamp;
use crate::wire::link::LinkType;

const SECOND: u64 = 1_000_000_000;

fn options(path: PathBuf) -> KeepOptions {
    KeepOptions {
        format: Format::of(&path).unwrap(),
        path,
        rotate_size: None,
        rotate_every: None,
        most_files: None,
    }
}

fn interface(link: u16) -> Interface {
    Interface {
        name: format!("eth{link}"),
        link: LinkType(link),
        snaplen: 65_535,
    }
}

/// Packets of 100 bytes at these times.
fn epoch(times: &[u64]) -> Epoch {
    let mut epoch = Epoch::default();
    for (place, ns) in times.iter().enumerate() {
        epoch.frames.push(Frame {
            stamp: Stamp::new(0, place as u64 + 1, *ns),
            at: epoch.bytes.len() as u32,
            captured: 100,
            wire: 100,
            link: LinkType(1),
            interface: 0,
        });
        epoch.bytes.extend([place as u8; 100]);
    }
    epoch
}

fn keep(options: KeepOptions) -> (Keep, Arc<Meter>) {
    let meter = Arc::new(Meter::new(1));
    (
        Keep::begin(options, vec![interface(1)], Arc::clone(&meter)).unwrap(),
        meter,
    )
}

/// Names and packets of the captures in a folder.
fn kept(folder: &Path) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let mut capture = pcap::Capture::from_file(&path).unwrap();
            let mut packets = 0;
            while capture.next_packet().is_ok() {
                packets += 1;
            }
            (path.file_name().unwrap().to_str().unwrap().to_owned(), packets)
        })
        .collect();
    found.sort();
    found
}

fn packets(folder: &Path) -> Vec<usize> {
    kept(folder).into_iter().map(|(_, packets)| packets).collect()
}

#[test]
fn one_file_has_all_packets() {
    for name in ["all.pcap", "all.pcapng"] {
        let folder = tempfile::tempdir().unwrap();
        let (mut keep, meter) = keep(options(folder.path().join(name)));
        (0..50).for_each(|_| keep.take(&epoch(&[SECOND; 1000])));
        assert_eq!(keep.finish(), [""; 0]);
        assert_eq!(kept(folder.path()), [(name.to_owned(), 50_000)]);
        assert_eq!(meter.numbers().kept, 50_000);
    }
}

#[test]
fn files_end_at_their_size() {
    let folder = tempfile::tempdir().unwrap();
    let (mut keep, _) = keep(KeepOptions {
        // A header of 24 bytes, and ten records of 116.
        rotate_size: Some(24 + 10 * 116 + 115),
        ..options(folder.path().join("a.pcap"))
    });
    keep.take(&epoch(&[SECOND; 25]));
    assert_eq!(keep.finish(), [""; 0]);
    assert_eq!(packets(folder.path()), [10, 10, 5]);
    assert!(kept(folder.path())[0].0.starts_with("a_00001_"));
}

#[test]
fn files_end_at_their_time_and_the_oldest_leave() {
    let folder = tempfile::tempdir().unwrap();
    let begin = now_ns();
    let times: Vec<u64> = (0..10).map(|n| begin + n * SECOND / 2).collect();
    let (mut keep, _) = keep(KeepOptions {
        rotate_every: Some(Duration::from_secs(1)),
        most_files: Some(2),
        ..options(folder.path().join("a.pcapng"))
    });
    keep.take(&epoch(&times));
    assert_eq!(keep.finish(), [""; 0]);
    let found = kept(folder.path());
    assert_eq!(found.len(), 2);
    assert!(found[1].1 <= 2 && found[1].0 > found[0].0, "{found:?}");
}

#[test]
fn a_disk_that_is_full_ends_the_keeping_with_a_line_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full.pcap");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    // Its header goes into the first write, which fails at once.
    let refused = Keep::begin(options(path), vec![interface(1)], Arc::default());
    assert!(refused.err().unwrap().contains("no space left on device; give -w"));

    // What goes wrong later is a line, and no end.
    let mut ring = options(folder.path().join("a.pcap"));
    ring.rotate_size = Some(24 + 116);
    let (mut keep, meter) = keep(ring);
    fs::remove_dir_all(folder.path()).unwrap();
    keep.take(&epoch(&[SECOND; 3]));
    let lines = keep.finish();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("no more packets are kept: no such file"), "{lines:?}");
    assert!(lines[1].contains("2 of 3 packets were not kept"), "{lines:?}");
    assert_eq!(meter.said_since(0), lines[..1]);
}

#[test]
fn a_pcap_file_has_one_link_type() {
    let folder = tempfile::tempdir().unwrap();
    let both = || vec![interface(1), interface(113)];
    let refused = Keep::begin(options(folder.path().join("a.pcap")), both(), Arc::default());
    assert!(refused.err().unwrap().contains(".pcapng"));
    assert!(Keep::begin(options(folder.path().join("a.pcapng")), both(), Arc::default()).is_ok());
}
