//! Finds and reads the policy that was asked for: a built-in one by its name, or a file.

use std::fs;
use std::path::Path;

use super::exit::{Failure, reason};
use crate::policy::builtin;
use crate::policy::compile::Policy;
use crate::policy::load;

/// The policy, and what its author should know.
pub fn load(wanted: &str) -> Result<(Policy, Vec<String>), Failure> {
    let text = match builtin::policy(wanted) {
        Some(text) => text.to_owned(),
        None => text_of(Path::new(wanted)).map_err(|why| Failure::new(unusable(wanted, &why)))?,
    };
    let folder = Path::new(wanted).parent().unwrap_or(Path::new(""));
    let mut resolve = |other: &str| text_of(&folder.join(other));
    let loaded = load::load(&text, wanted, &mut resolve).map_err(|error| Failure::new(error.to_string()))?;
    Ok((loaded.policy, loaded.warnings.iter().map(ToString::to_string).collect()))
}

fn text_of(path: &Path) -> Result<String, String> {
    const AT_MOST: u64 = 16 << 20;
    let about = fs::metadata(path).map_err(|error| reason(&error))?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if about.len() > AT_MOST {
        return Err("it is larger than 16 MiB".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| reason(&error))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn unusable(wanted: &str, why: &str) -> String {
    format!(
        "policy {wanted}: {why}; give the path of a TOML file, or the name of a built-in policy: {}",
        builtin::DEFAULT
    )
}
