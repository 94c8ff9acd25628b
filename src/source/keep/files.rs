//! The thread's side of keeping packets: files begun, written, cut back to whole records, and removed.
//!
//! The first thing that goes wrong ends the writing, and nothing else: the file is cut back to its last whole record, a line
//! says what happened, and the listening goes on. What comes after that is counted as not kept.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::name;
use super::{Chunk, KeepOptions};
use crate::source::ending::now_ns;
use crate::source::meter::Meter;

/// The files of a run.
pub struct Files {
    options: KeepOptions,
    header: Vec<u8>,
    meter: Arc<Meter>,
    /// None once something went wrong.
    open: Option<Open>,
    number: u64,
    /// Those of a rotation, the oldest first.
    begun: VecDeque<PathBuf>,
    lines: Vec<String>,
}

struct Open {
    file: File,
    path: PathBuf,
    /// Bytes of whole records in it.
    whole: u64,
}

impl Files {
    /// Begins the first file, so that what cannot be written to is known before anything is heard.
    pub fn begin(options: KeepOptions, header: Vec<u8>, meter: Arc<Meter>, ns: u64) -> Result<Files, String> {
        let mut files = Files {
            options,
            header,
            meter,
            open: None,
            number: 1,
            begun: VecDeque::new(),
            lines: Vec::new(),
        };
        files.open = Some(files.begin_file(ns).map_err(|(path, error)| {
            let what_to_do = "give -w a file in a folder that can be written to";
            format!(
                "cannot write packets to {}: {}; {what_to_do}",
                path.display(),
                reason(&error)
            )
        })?);
        Ok(files)
    }

    pub fn write(&mut self, chunk: &Chunk) {
        if chunk.file != self.number && self.open.is_some() {
            self.close();
            self.number = chunk.file;
            match self.begin_file(chunk.file_ns) {
                Ok(open) => self.open = Some(open),
                Err((path, error)) => self.fail(&path, &error),
            }
        }
        let Some(open) = &mut self.open else {
            self.meter.unkept.fetch_add(chunk.packets, Ordering::Relaxed);
            return;
        };
        match open.file.write_all(&chunk.bytes) {
            Ok(()) => {
                open.whole += chunk.bytes.len() as u64;
                self.meter.kept.fetch_add(chunk.packets, Ordering::Relaxed);
            }
            Err(error) => {
                let _ = open.file.set_len(open.whole);
                let path = open.path.clone();
                self.open = None;
                self.meter.unkept.fetch_add(chunk.packets, Ordering::Relaxed);
                self.fail(&path, &error);
            }
        }
    }

    /// Ends the last file and tells what went wrong.
    pub fn finish(mut self) -> Vec<String> {
        self.close();
        self.lines
    }

    fn begin_file(&mut self, ns: u64) -> Result<Open, (PathBuf, io::Error)> {
        let path = match self.options.rotates() {
            true => name::numbered(&self.options.path, self.number, ns),
            false => self.options.path.clone(),
        };
        let begin = || {
            let mut file = File::create(&path)?;
            file.write_all(&self.header)?;
            Ok(file)
        };
        let file = begin().map_err(|error| (path.clone(), error))?;
        self.begun.push_back(path.clone());
        while self.options.most_files.is_some_and(|most| self.begun.len() > most) {
            if let Some(oldest) = self.begun.pop_front() {
                // Somebody else may have removed it.
                let _ = fs::remove_file(oldest);
            }
        }
        if self.options.most_files.is_none() {
            self.begun.clear();
        }
        Ok(Open {
            file,
            path,
            whole: self.header.len() as u64,
        })
    }

    /// What the kernel has counted stands at a file's end.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let trailer = self.options.format.trailer(&self.meter.interfaces, now_ns());
        if let Err(error) = open.file.write_all(&trailer) {
            let _ = open.file.set_len(open.whole);
            self.fail(&open.path, &error);
        }
    }

    fn fail(&mut self, path: &Path, error: &io::Error) {
        let line = format!(
            "{}: no more packets are kept: {}; listening goes on",
            path.display(),
            reason(error)
        );
        self.meter.say(line.clone());
        self.lines.push(line);
    }
}

/// What the system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}
