//! Results in a folder: a file a table, or a folder of parts a table.
//!
//! A folder never holds two runs' results at once. A reading replaces what an earlier one left under the same names; a run
//! that goes on (`live`, `--follow`) refuses to, since what it would replace may be all there is of last week.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::Destination;
use crate::cli::exit::Failure;
use crate::sink::parquet::{PartFile, Parts};
use crate::sink::tables::Form;

/// Where tables are written.
#[derive(Debug, Clone, Copy)]
pub struct Folder<'p> {
    pub path: &'p Path,
    /// What is read: no result may be written over it.
    pub inputs: &'p [PathBuf],
    /// The run goes on until it is stopped.
    pub goes_on: bool,
}

impl Folder<'_> {
    /// One file a table, emptied, written in place so that it can be followed while it grows.
    pub fn files(
        &self,
        form: &impl Form,
        names: &[&str],
        ending: &str,
    ) -> Result<Vec<Box<dyn Write + Send + Sync>>, Failure> {
        self.make(self.path)?;
        let paths: Vec<PathBuf> = names
            .iter()
            .map(|name| self.path.join(format!("{name}.{ending}")))
            .collect();
        // All are looked at before the first is emptied.
        for (table, path) in paths.iter().enumerate() {
            Destination::File(path.clone()).spare(self.inputs)?;
            if self.goes_on && path.exists() {
                return Err(earlier(path));
            }
            let mut head = Vec::new();
            form.head(table, &mut head);
            if !begins_with(path, &head) {
                return Err(Failure::new(format!(
                    "{} is there, and not of flowsift's making: give -o another folder",
                    path.display()
                )));
            }
        }
        paths
            .into_iter()
            .map(|path| Destination::File(path).open(self.inputs))
            .collect()
    }

    /// The folder of a table's parts.
    pub fn parts(&self, table: &str) -> Result<Box<dyn Parts>, Failure> {
        let folder = self.path.join(table);
        self.make(&folder)?;
        let mut old = Vec::new();
        let entries = fs::read_dir(&folder).map_err(|error| Failure::io("read", folder.display(), &error))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name {
                part if is_part(part) && begins_with(&path, PARQUET) => old.push(path),
                // A reader of the folder would read it too.
                foreign if foreign.ends_with(".parquet") => {
                    return Err(Failure::new(format!(
                        "{} is not of flowsift's making, and would be read with its tables: give -o another folder",
                        path.display()
                    )));
                }
                _ => {}
            }
        }
        for path in &old {
            Destination::File(path.clone()).spare(self.inputs)?;
        }
        match old.first() {
            Some(path) if self.goes_on => Err(earlier(path)),
            _ => Ok(Box::new(PartFiles {
                folder,
                old,
                count: 0,
                begun: None,
            })),
        }
    }

    fn make(&self, folder: &Path) -> Result<(), Failure> {
        let is_same = |input: &PathBuf| match (input.canonicalize(), folder.canonicalize()) {
            (Ok(input), Ok(folder)) => input == folder,
            _ => false,
        };
        if self.inputs.iter().any(is_same) {
            return Err(Failure::new(format!(
                "{} is what is read: give -o another folder",
                folder.display()
            )));
        }
        fs::create_dir_all(folder).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => Failure::new(format!(
                "{} is no folder, and tables are written into one: give -o another path",
                folder.display()
            )),
            _ => Failure::io("make the folder", folder.display(), &error),
        })
    }
}

fn earlier(path: &Path) -> Failure {
    Failure::new(format!(
        "{} is there from an earlier run: give -o a new folder",
        path.display()
    ))
}

/// How every Parquet file begins.
const PARQUET: &[u8] = b"PAR1";

/// The file begins so, or there is none, or nothing in it. Another program's table of the same name (a `conn.log` of Zeek's own) is not ours to
/// replace.
fn begins_with(path: &Path, head: &[u8]) -> bool {
    let Ok(file) = File::open(path) else {
        return !path.exists();
    };
    let mut begin = Vec::new();
    let read = file.take(head.len() as u64).read_to_end(&mut begin);
    read.is_ok() && (begin.is_empty() || begin == head)
}

/// `part-00001.parquet`
fn is_part(name: &str) -> bool {
    let number = name
        .strip_prefix("part-")
        .and_then(|rest| rest.strip_suffix(".parquet"));
    number.is_some_and(|number| number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Parts under a hidden name until they are whole: readers of the folder pass over it.
struct PartFiles {
    folder: PathBuf,
    /// Of an earlier run: they go when the first part is whole.
    old: Vec<PathBuf>,
    count: u32,
    begun: Option<PathBuf>,
}

impl Parts for PartFiles {
    fn begin(&mut self) -> io::Result<PartFile> {
        self.count += 1;
        let path = self.folder.join(format!(".part-{:05}.parquet.unfinished", self.count));
        // A run that was killed may have left one.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = File::create_new(&path)?;
        self.begun = Some(path);
        Ok(Box::new(file))
    }

    fn finish(&mut self) -> io::Result<()> {
        for path in self.old.drain(..) {
            fs::remove_file(path)?;
        }
        match self.begun.take() {
            Some(path) => fs::rename(path, self.folder.join(format!("part-{:05}.parquet", self.count))),
            None => Ok(()),
        }
    }
}

impl Drop for PartFiles {
    fn drop(&mut self) {
        if let Some(path) = &self.begun {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::csv::Csv;

    fn folder<'p>(path: &'p Path, inputs: &'p [PathBuf], goes_on: bool) -> Folder<'p> {
        Folder { path, inputs, goes_on }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn parts_are_seen_when_they_are_whole_and_take_the_place_of_earlier_ones() {
        let place = tempfile::tempdir().unwrap();
        let table = place.path().join("flows");
        fs::create_dir(&table).unwrap();
        for old in ["part-00001.parquet", "part-00002.parquet", "notes.txt"] {
            fs::write(table.join(old), "PAR1 old").unwrap();
        }
        let mut parts = folder(place.path(), &[], false).parts("flows").unwrap();
        parts.begin().unwrap().write_all(b"new").unwrap();
        assert_eq!(fs::read(table.join("part-00001.parquet")).unwrap(), b"PAR1 old");
        parts.finish().unwrap();
        assert_eq!(names(&table), ["notes.txt", "part-00001.parquet"]);
        assert_eq!(fs::read(table.join("part-00001.parquet")).unwrap(), b"new");
        // What is not finished goes.
        parts.begin().unwrap().write_all(b"half").unwrap();
        assert_eq!(names(&table).len(), 3);
        drop(parts);
        assert_eq!(names(&table), ["notes.txt", "part-00001.parquet"]);
    }

    #[test]
    fn what_is_anothers_or_would_be_lost_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path();
        fs::create_dir(path.join("flows")).unwrap();
        fs::write(path.join("flows/mine.parquet"), "").unwrap();
        fs::write(path.join("flows.csv"), "").unwrap();
        fs::write(path.join("names"), "").unwrap();
        let says = |result: Result<(), Failure>, what: &str| {
            let line = result.err().unwrap().0;
            assert!(line.contains(what), "{line}");
        };
        let parts = |goes_on, table: &str| folder(path, &[], goes_on).parts(table).map(drop);
        says(parts(false, "flows"), "mine.parquet is not of flowsift's making");
        says(parts(false, "names"), "is no folder");
        let files =
            |inputs: &[PathBuf], goes_on| folder(path, inputs, goes_on).files(&Csv, &["flows"], "csv").map(drop);
        says(files(&[], true), "from an earlier run");
        says(files(&[path.join("flows.csv")], false), "is an input");
        says(files(&[path.to_owned()], false), "is what is read");
        assert!(files(&[], false).is_ok());
        fs::write(path.join("flows.csv"), "of another program").unwrap();
        says(files(&[], false), "not of flowsift's making");
        assert_eq!(fs::read(path.join("flows.csv")).unwrap(), b"of another program");
        let mut own = Vec::new();
        Csv.head(0, &mut own);
        fs::write(path.join("flows.csv"), own).unwrap();
        assert!(files(&[], false).is_ok());
        fs::write(path.join("flows/part-00001.parquet"), "mine").unwrap();
        fs::remove_file(path.join("flows/mine.parquet")).unwrap();
        says(parts(false, "flows"), "not of flowsift's making");
    }
}
