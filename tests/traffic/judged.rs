//! The built-in policy, and a source read under it.

use std::io::{self, Write};

use flowsift::engine::drive::{self, Settings};
use flowsift::engine::epoch::Source;
use flowsift::policy::builtin;
use flowsift::policy::compile::Policy;
use flowsift::policy::load;
use flowsift::sink::jsonl::JsonLines;
use flowsift::sink::{Labels, PolicyNames, Sink};

use super::tape::Rows;

pub fn policy() -> Policy {
    let text = builtin::policy(builtin::DEFAULT).expect("there is a built-in policy");
    let mut alone = |other: &load::Wanted| Err(format!("{} is not at hand", other.name));
    match load::load(text, builtin::DEFAULT, &mut alone) {
        Ok(loaded) => loaded.policy,
        Err(error) => panic!("{error}"),
    }
}

pub fn labels(policy: &Policy) -> Labels {
    Labels {
        policy: PolicyNames::of(policy),
        files: Vec::new(),
    }
}

/// Every record of `source` as JSON Lines.
pub fn json(source: &mut dyn Source, policy: &Policy, settings: Settings) -> Vec<u8> {
    let mut lines = Vec::new();
    write_json(source, policy, settings, &mut lines).expect("writing into memory does not fail");
    lines
}

pub fn write_json(
    source: &mut dyn Source,
    policy: &Policy,
    settings: Settings,
    out: impl Write + Send + Sync,
) -> io::Result<()> {
    let mut sink = JsonLines::new(out, labels(policy));
    let mut written = Ok(());
    let mut outlet = Rows(|row: &_| {
        if written.is_ok() {
            written = sink.row(row);
        }
    });
    drive::run(source, policy, settings, &mut outlet);
    written?;
    sink.finish(0)
}
