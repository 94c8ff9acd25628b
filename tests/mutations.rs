//! Thousands of damaged captures, the same ones every time: nothing panics, and the laws of [`laws`] hold.
//!
//! Overflow checks are on where tests run, so a sum that wraps is found here too. A case is made of its number alone:
//! what fails names the number, and `FLOWSIFT_MUTATION=NUMBER` runs that one case.

#[path = "mutations/laws.rs"]
mod laws;
#[path = "mutations/mutate.rs"]
mod mutate;
#[path = "samples/shape.rs"]
mod shape;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use laws::{Judge, packets_of};
use mutate::{Dice, Packet};

/// Larger samples take the time of many small ones and show no more.
const LARGEST_SEED: u64 = 32 << 10;

const CASES_A_TEST: u64 = 1500;

#[test]
fn damaged_files_break_no_law() {
    let mut seeds = Seeds::of_samples();
    seeds.try_all(0, |seeds, dice| {
        let (seed, other) = (seeds.pick(dice), seeds.pick(dice));
        let mut bytes = seeds.files[seed].clone();
        mutate::bytes(dice, &mut bytes, &seeds.files[other]);
        seeds.judge.file(&bytes)
    });
}

#[test]
fn damaged_packets_break_no_law() {
    let mut seeds = Seeds::of_samples();
    seeds.try_all(1_000_000, |seeds, dice| {
        let (seed, other) = (seeds.pick(dice), seeds.pick(dice));
        let mut packets = seeds.packets[seed].clone();
        mutate::packets(dice, &mut packets, &seeds.packets[other]);
        seeds.judge.packets(&packets)
    });
}

/// What is damaged.
struct Seeds {
    files: Vec<Vec<u8>>,
    packets: Vec<Vec<Packet>>,
    judge: Judge,
}

impl Seeds {
    fn of_samples() -> Seeds {
        let mut paths = Vec::new();
        captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"), &mut paths);
        paths.sort();
        let files: Vec<Vec<u8>> = paths
            .iter()
            .map(|path| fs::read(path).expect("a sample can be read"))
            .collect();
        assert!(files.len() > 50, "only {} samples", files.len());
        Seeds {
            packets: files.iter().map(|file| packets_of(file)).collect(),
            files,
            judge: Judge::new(),
        }
    }

    fn pick(&self, dice: &mut Dice) -> usize {
        dice.below(self.files.len())
    }

    fn try_all(&mut self, from: u64, case: impl Fn(&Seeds, &mut Dice) -> Vec<String>) {
        let chosen: Option<u64> = std::env::var("FLOWSIFT_MUTATION")
            .ok()
            .and_then(|text| text.parse().ok());
        let cases = from..from + CASES_A_TEST;
        for number in cases.filter(|number| chosen.is_none_or(|chosen| chosen == *number)) {
            let result = catch_unwind(AssertUnwindSafe(|| case(self, &mut Dice::new(number))));
            match result {
                Ok(broken) => assert!(broken.is_empty(), "case {number}:\n{}", broken.join("\n")),
                Err(_) => panic!("case {number} panicked, see above"),
            }
        }
    }
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    const ENDINGS: [&str; 6] = ["pcap", "pcapng", "gz", "zst", "lz4", "cap"];
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() {
            captures(&path, found);
        } else if path
            .extension()
            .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            && path.metadata().is_ok_and(|about| about.len() <= LARGEST_SEED)
        {
            found.push(path);
        }
    }
}
