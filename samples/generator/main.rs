//! Writes the captures of `samples/` from the days told in `samples/scripts/`.
//!
//! ```text
//! cargo run --example samplegen             write every capture that differs from what its script says
//! cargo run --example samplegen -- --check  write nothing, name what differs, exit 1 if anything does
//! ```
//!
//! `samples/README.md` has the grammar of a script.

#[path = "mod.rs"]
mod generator;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    match refresh(&samples, check) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) if !check => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("samplegen: {why}");
            ExitCode::from(2)
        }
    }
}

/// How many captures differed from what their scripts say.
fn refresh(samples: &Path, check: bool) -> Result<usize, String> {
    let mut differing = 0;
    for made in generator::generate(samples)? {
        if made.is_current(samples) {
            continue;
        }
        differing += 1;
        println!("{}", made.path.display());
        if !check {
            made.write(samples)?;
        }
    }
    Ok(differing)
}
