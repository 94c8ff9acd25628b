//! What goes on until it is stopped: interfaces, and folders that are followed.

use std::path::PathBuf;
use std::time::Duration;

use super::Input;
use crate::cli::args::{Common, ListenArgs};
use crate::cli::exit::Failure;

/// When to stop listening or following.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub duration: Option<Duration>,
    pub packets: Option<u64>,
}

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    pub names: Vec<String>,
    pub until: Limits,
    /// An interface.
    pub workers: usize,
    pub snaplen: u32,
    /// Bytes of an interface's ring.
    pub ring: u32,
    pub keep: Option<Kept>,
}

/// Where packets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub rotate_size: Option<u64>,
    pub rotate_every: Option<Duration>,
    pub most_files: Option<usize>,
}

/// Files to be read, or followed.
pub fn files(files: Vec<PathBuf>, follow: bool, duration: Option<Duration>) -> Result<Input, Failure> {
    if !follow {
        return Ok(Input::Files(files));
    }
    let until = Limits {
        duration,
        packets: None,
    };
    match <[PathBuf; 1]>::try_from(files) {
        Ok([place]) => followed(place, until),
        Err(_) => Err(Failure::new("--follow takes one folder, or one file that grows")),
    }
}

fn followed(place: PathBuf, until: Limits) -> Result<Input, Failure> {
    if place.as_os_str() == "-" {
        return Err(Failure::new(
            "standard input is followed by itself: leave --follow out, or give it a folder",
        ));
    }
    Ok(Input::Followed { place, until })
}

/// Interfaces, or a folder instead.
pub fn listening(live: ListenArgs, common: &Common) -> Result<Input, Failure> {
    let until = Limits {
        duration: live.duration,
        packets: live.packets,
    };
    if let Some(place) = live.follow {
        return followed(place, until);
    }
    let mut seen = Vec::new();
    for name in &live.interfaces {
        if name.is_empty() {
            return Err(Failure::new(
                "-i has an empty name: give it interfaces with commas between",
            ));
        }
        if seen.contains(&name) {
            return Err(Failure::new(format!(
                "-i names {name} twice: every packet would be counted twice"
            )));
        }
        seen.push(name);
    }
    let keep = match live.write {
        None => None,
        Some(path) => {
            let most_files = live.keep.map(|most| most as usize);
            Some(kept(path, live.rotate_size, live.rotate_every, most_files, common)?)
        }
    };
    let listening = Listening {
        names: live.interfaces,
        until,
        workers: usize::from(live.workers),
        snaplen: live.snaplen,
        ring: live.buffer,
        keep,
    };
    Ok(Input::Interfaces(listening))
}

fn kept(
    path: PathBuf,
    rotate_size: Option<u64>,
    rotate_every: Option<Duration>,
    most_files: Option<usize>,
    common: &Common,
) -> Result<Kept, Failure> {
    /// Smaller files would hold a packet each.
    const LEAST_SIZE: u64 = 10_000;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !["pcap", "cap", "pcapng"].contains(&ending.to_ascii_lowercase().as_str()) {
        let what = match path.as_os_str() == "-" {
            true => "packets cannot go to standard output, where the results go".to_owned(),
            false => format!("the format of {} is not known by its name", path.display()),
        };
        return Err(Failure::new(format!(
            "-w: {what}: give it a name that ends in .pcapng or .pcap"
        )));
    }
    if common.output.as_ref() == Some(&path) {
        return Err(Failure::new(format!(
            "-w and -o are both {}: give them two names",
            path.display()
        )));
    }
    if rotate_size.is_some_and(|size| size < LEAST_SIZE) {
        return Err(Failure::new(
            "--rotate-size is too small for captures: give it 10kB or more",
        ));
    }
    if most_files.is_some() && rotate_size.is_none() && rotate_every.is_none() {
        return Err(Failure::new(
            "--keep counts files of a rotation: give --rotate-size or --rotate-every too",
        ));
    }
    Ok(Kept {
        path,
        rotate_size,
        rotate_every,
        most_files,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Args, Command};

    fn input(words: &str) -> Result<Input, String> {
        let words = ["flowsift"].into_iter().chain(words.split(' '));
        let input = match Args::try_parse_from(words).map_err(|error| error.to_string())?.command {
            Command::Read(read) => files(read.files, read.follow, read.duration),
            Command::Live(live) => listening(live.listen, &live.common),
            Command::Check(check) => listening(check.listen, &check.common),
            _ => unreachable!(),
        };
        input.map_err(|failure| failure.0)
    }

    #[test]
    fn what_is_typed_is_understood() {
        let Ok(Input::Interfaces(live)) = input(
            "live -i a,b --duration 2m --packets 9 --snaplen 128 --buffer 1GiB --workers 3 \
             -w k.pcapng --rotate-size 1MB --rotate-every 1h --keep 4",
        ) else {
            panic!()
        };
        assert_eq!(
            (live.names.len(), live.workers, live.snaplen, live.ring),
            (2, 3, 128, 1 << 30)
        );
        assert_eq!(
            (live.until.duration, live.until.packets),
            (Some(Duration::from_secs(120)), Some(9))
        );
        let kept = live.keep.unwrap();
        assert_eq!((kept.rotate_size, kept.most_files), (Some(1_000_000), Some(4)));
        for words in [
            "read --follow folder --duration 3s",
            "live --follow folder --duration 3s",
        ] {
            let Ok(Input::Followed { place, until }) = input(words) else {
                panic!()
            };
            assert_eq!(
                (place, until.duration),
                (PathBuf::from("folder"), Some(Duration::from_secs(3)))
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_remedy() {
        for (words, says) in [
            ("live -i a,a", "twice"),
            ("live -i a,", "empty name"),
            ("live", "--interface"),
            ("live -i a --follow b", "cannot be used with"),
            ("live -i a --snaplen 10", "64..=262144"),
            ("live -i a --buffer 1kB", "give it from 1MiB to 2GB"),
            ("live -i a --workers 0", "1..=64"),
            ("live -i a --packets 0", "1.."),
            ("live -i a --duration 0", "no time at all"),
            ("live -i a --duration soon", "90s, 15m or 8h"),
            ("live -i a --stats 1 --quiet", "cannot be used with"),
            ("live -i a -w k.txt", "ends in .pcapng or .pcap"),
            ("live -i a -w -", "standard output"),
            ("live -i a -w k.pcap -o k.pcap", "two names"),
            ("live -i a -w k.pcap --keep 3", "--rotate-size or --rotate-every"),
            ("live -i a -w k.pcap --rotate-size 3 --keep 0", "1.."),
            ("live -i a -w k.pcap --rotate-size 3", "10kB or more"),
            ("live -i a --rotate-size 3MB", "--write"),
            ("read a --duration 3s", "--follow"),
            ("read a b --follow", "one folder"),
            ("read - --follow", "standard input"),
        ] {
            let said = input(words).unwrap_err();
            assert!(said.contains(says), "{words}: {said}");
        }
    }
}
