//! Where results are written, and the care not to write over what is being read.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::exit::Failure;

pub mod folder;

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    File(PathBuf),
    /// Of tables: a file or a folder for each.
    Folder(PathBuf),
}

impl Destination {
    /// `-` is standard output, as `-` is standard input elsewhere.
    pub fn new(path: Option<PathBuf>) -> Destination {
        match path {
            None => Destination::Stdout,
            Some(path) if path.as_os_str() == "-" => Destination::Stdout,
            Some(path) => Destination::File(path),
        }
    }

    /// The same of a format that has tables: what is a folder, or is written like one (`out/`), is one.
    pub fn of_tables(path: Option<PathBuf>) -> Destination {
        match Destination::new(path) {
            Destination::File(path) if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                Destination::Folder(path)
            }
            other => other,
        }
    }

    /// Refuses to be one of what is read.
    pub fn spare(&self, inputs: &[PathBuf]) -> Result<(), Failure> {
        let Destination::File(path) = self else { return Ok(()) };
        match inputs.iter().find(|input| is_inside(path, input)) {
            None => Ok(()),
            Some(input) => Err(Failure::new(format!(
                "{} is an input ({}): give -o another path",
                path.display(),
                input.display()
            ))),
        }
    }

    /// Opens it, a file emptied. The file is written in place, so that it can be followed while it grows.
    pub fn open(&self, inputs: &[PathBuf]) -> Result<Box<dyn Write + Send + Sync>, Failure> {
        let path = match self {
            Destination::Stdout => return Ok(Box::new(io::stdout())),
            Destination::File(path) | Destination::Folder(path) => path,
        };
        self.spare(inputs)?;
        match File::create(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(self.unopened(path, &error)),
        }
    }

    /// Opens it behind what is there: of a run that goes on, an earlier one's lines may be all there is of last week.
    pub fn append(&self, inputs: &[PathBuf]) -> Result<Box<dyn Write + Send + Sync>, Failure> {
        let Destination::File(path) = self else {
            return self.open(inputs);
        };
        self.spare(inputs)?;
        match File::options().append(true).create(true).open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(self.unopened(path, &error)),
        }
    }

    /// Opens it if nothing is lost by that.
    pub fn begin(&self, inputs: &[PathBuf]) -> Result<Box<dyn Write + Send + Sync>, Failure> {
        match self {
            Destination::File(path) if path.metadata().is_ok_and(|it| it.is_file() && it.len() > 0) => {
                Err(Failure::new(format!(
                    "{} is there from an earlier run: give -o a new file",
                    path.display()
                )))
            }
            _ => self.open(inputs),
        }
    }

    fn unopened(&self, path: &Path, error: &io::Error) -> Failure {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder {
            _ if path.is_dir() => Failure::new(format!("{self} is a folder: give -o a file in it")),
            Some(folder) if !folder.exists() => Failure::new(format!(
                "cannot write to {self}: there is no folder {}",
                folder.display()
            )),
            _ => Failure::io("write to", self, error),
        }
    }

    /// Writes a result that is in memory as a whole. A reader that is gone has seen enough.
    pub fn deliver(&self, text: &[u8], inputs: &[PathBuf]) -> Result<(), Failure> {
        let mut out = self.open(inputs)?;
        match out.write_all(text).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io("write to", self, &error)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Stdout => f.write_str("standard output"),
            Destination::File(path) | Destination::Folder(path) => path.display().fmt(f),
        }
    }
}

/// Whether emptying `output` would empty `input` (by whatever link), or a capture in that folder.
fn is_inside(output: &Path, input: &Path) -> bool {
    let Ok(existing) = output.metadata() else {
        return false;
    };
    if !existing.is_file() {
        return false;
    }
    if input.as_os_str() == "-" {
        return stdin_metadata().is_some_and(|stdin| is_same(&existing, &stdin));
    }
    let Ok(read) = input.metadata() else {
        return false;
    };
    if read.is_dir() {
        let (Ok(folder), Ok(output)) = (input.canonicalize(), output.canonicalize()) else {
            return false;
        };
        return output.starts_with(folder) && looks_like_a_capture(&output);
    }
    is_same(&existing, &read)
}

fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

fn stdin_metadata() -> Option<Metadata> {
    let stdin = io::stdin().as_fd().try_clone_to_owned().ok()?;
    File::from(stdin).metadata().ok()
}

/// Earlier results may lie in the folder that is read and be written again, captures may not: every capture format, and
/// every compression, begins with a byte that no text has.
fn looks_like_a_capture(path: &Path) -> bool {
    let mut start = [0; 4];
    let Ok(()) = File::open(path).and_then(|mut file| file.read_exact(&mut start)) else {
        return false;
    };
    start
        .iter()
        .any(|&b| !b.is_ascii() || b.is_ascii_control() && b != b'\n' && b != b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_input_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (capture, link, results) = (at("a.pcap"), at("b.pcap"), at("out.jsonl"));
        fs::write(&capture, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]).unwrap();
        fs::hard_link(&capture, &link).unwrap();
        fs::write(&results, "{\"type\":\"flow\"}\n").unwrap();
        let open = |path: &Path, input: &Path| Destination::new(Some(path.to_owned())).open(&[input.to_owned()]);
        for (path, input) in [
            (&capture, &capture),
            (&link, &capture),
            (&capture, &folder.path().to_owned()),
        ] {
            let failure = open(path, input).err().unwrap();
            assert!(failure.0.contains("is an input"), "{}", failure.0);
        }
        assert_eq!(fs::read(&capture).unwrap().len(), 8);
        // Results in the folder may be written again, new ones too.
        assert!(open(&results, folder.path()).is_ok());
        assert!(open(&at("new"), folder.path()).is_ok());
        let nowhere = open(&at("no/such"), &capture).err().unwrap();
        assert!(nowhere.0.contains("there is no folder"), "{}", nowhere.0);
    }
}
