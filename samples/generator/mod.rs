//! The sample generator: a script in, captures out, the same bytes every time.
//!
//! ```text
//! scripts/*.day ─▶ script ─▶ day ──────────▶ talk ─▶ ip ─▶ capture ─▶ pcap / pcapng ─▶ wrap ─▶ files
//!                  words     one verb after   TCP     UDP    frames     bytes            gz, zst, lz4
//!                            the other: tls,
//!                            dns, media,
//!                            services
//! ```
//!
//! There is no clock and no randomness in it: times stand in the script, and what should look random
//! (keys, ciphertext) comes from [`bytes::Noise`], seeded with the capture's own path.

mod bytes;
mod capture;
mod certificate;
mod day;
mod dns;
mod dtls;
mod ip;
mod link;
mod media;
mod pcap;
mod pcapng;
mod preamble;
mod script;
mod services;
mod talk;
mod tls_flow;
mod tls_messages;
mod wrap;

use std::fs;
use std::path::{Path, PathBuf};

/// One file that a script asks for.
pub struct Made {
    /// Below `samples/`.
    pub path: PathBuf,
    /// What the file holds, before any compression.
    pub content: Vec<u8>,
    pub wrap: wrap::Wrap,
}

impl Made {
    /// Whether the file on disk says the same. Compressed files are compared by their content: the bytes a
    /// compressor makes depend on its version and on the processor.
    pub fn is_current(&self, samples: &Path) -> bool {
        fs::read(samples.join(&self.path))
            .ok()
            .and_then(|bytes| self.wrap.open(&bytes))
            .is_some_and(|content| content == self.content)
    }

    pub fn write(&self, samples: &Path) -> Result<(), String> {
        let path = samples.join(&self.path);
        let folder = path.parent().unwrap_or(samples);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, self.wrap.close(&self.content)))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Every file that the scripts of `samples/scripts/` ask for, in the order of the scripts' names.
pub fn generate(samples: &Path) -> Result<Vec<Made>, String> {
    let folder = samples.join("scripts");
    let mut scripts: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "day"))
        .collect();
    scripts.sort();
    let mut made = Vec::new();
    for script in scripts {
        let text = fs::read_to_string(&script).map_err(|error| format!("{}: {error}", script.display()))?;
        let files = play(&text).map_err(|error| format!("{}:{error}", script.display()))?;
        made.extend(files);
    }
    Ok(made)
}

/// Every file that one script asks for, or `LINE: what is wrong`.
pub fn play(script: &str) -> Result<Vec<Made>, String> {
    day::play(script)
}
