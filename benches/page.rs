//! Figures for BENCHMARKS.md: printed, and put in their place there where `FLOWSIFT_BENCH_PAGE` names the page.
//!
//! ```text
//!   <!-- figures: parts -->
//!   ...                          rewritten
//!   <!-- end of figures -->
//! ```

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "FLOWSIFT_BENCH_PAGE";
const END: &str = "<!-- end of figures -->";

/// Prints `text`, and makes it the section `name` of the page.
pub fn show(name: &str, text: &str) {
    println!("{text}");
    // Benches run in the crate's folder, wherever cargo was called.
    let Some(page) = env::var_os(PAGE).map(|page| Path::new(env!("CARGO_MANIFEST_DIR")).join(page)) else {
        return;
    };
    if let Err(why) = replace(&page, name, text) {
        eprintln!("{}: {why}", page.display());
    }
}

fn replace(page: &PathBuf, name: &str, text: &str) -> Result<(), String> {
    let old = fs::read_to_string(page).map_err(|error| error.to_string())?;
    let mark = format!("<!-- figures: {name} -->");
    let (before, rest) = old.split_once(&mark).ok_or(format!("no `{mark}`"))?;
    let (_, after) = rest.split_once(END).ok_or(format!("no `{END}`"))?;
    let text = text.trim();
    fs::write(page, format!("{before}{mark}\n{text}\n{END}{after}")).map_err(|error| error.to_string())
}
