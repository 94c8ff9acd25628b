//! The command. Everything is in the library, `cli` is where it begins.

use std::process::ExitCode;

/// Flows come and go by the million, each with a handful of small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    flowsift::cli::run(std::env::args_os()).into()
}
