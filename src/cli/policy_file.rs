//! Finds and reads the policy that was asked for: a built-in one by its name, or a file.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::exit::{Failure, reason};
use crate::policy::builtin;
use crate::policy::load::{self, Found, Loaded, Places, PolicyError, Wanted};

const AT_MOST: u64 = 16 << 20;

/// The files that a policy was read from, those that it extends among them: no result may be written over one.
pub fn files(places: &Places) -> Vec<PathBuf> {
    let origins = places.origins();
    origins
        .filter(|origin| builtin::policy(origin).is_none())
        .map(PathBuf::from)
        .collect()
}

/// The policy with the places of its rows, and what its author should know.
pub fn open(wanted: &str) -> Result<Loaded, Failure> {
    read(wanted, load::load)
}

/// The policy with all of its mistakes, read over.
pub fn examine(wanted: &str) -> Result<Loaded, Failure> {
    read(wanted, load::examine)
}

type Reading = fn(&str, &str, &mut load::Resolve) -> Result<Loaded, PolicyError>;

fn read(wanted: &str, reading: Reading) -> Result<Loaded, Failure> {
    let text = match builtin::policy(wanted) {
        Some(text) => text.to_owned(),
        None => text_of(Path::new(wanted), AT_MOST).map_err(|why| Failure::new(unusable(wanted, &why)))?,
    };
    reading(&text, wanted, &mut extended).map_err(|error| Failure::new(error.to_string()))
}

/// A policy that another one names: a path is relative to the folder of the file that it stands in.
fn extended(wanted: &Wanted) -> Result<Found, String> {
    let folder = Path::new(wanted.by).parent().unwrap_or(Path::new(""));
    let path = folder.join(wanted.name);
    // A pipe can be read once, and opening one may wait for ever: what others extend lies in a file.
    let about = fs::metadata(&path).map_err(|error| reason(&error))?;
    if !about.is_file() && !about.is_dir() {
        return Err("it is no ordinary file".to_owned());
    }
    let text = text_of(&path, AT_MOST)?;
    let identity = path.canonicalize().map_err(|error| reason(&error))?;
    Ok(Found {
        origin: path.display().to_string(),
        identity: identity.display().to_string(),
        text,
    })
}

/// The text of a file of at most so many bytes, or in a few words why there is none. A device without an end is read no further.
pub fn text_of(path: &Path, at_most: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| reason(&error))?;
    let about = file.metadata().map_err(|error| reason(&error))?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    let mut bytes = Vec::new();
    let read = file.take(at_most + 1).read_to_end(&mut bytes);
    read.map_err(|error| reason(&error))?;
    if bytes.len() as u64 > at_most {
        return Err(format!("it is larger than {} MiB", at_most >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn unusable(wanted: &str, why: &str) -> String {
    format!(
        "policy {wanted}: {why}; give the path of a TOML file, or the name of a built-in policy: {}",
        builtin::DEFAULT
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files, and what comes of the first.
    #[track_caller]
    fn load_first(files: &[(&str, &str)]) -> Result<Loaded, String> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, text) in files {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        }
        let whole = open(at(files[0].0).to_str().unwrap()).map_err(|failure| failure.0);
        whole.map_err(|told| told.replace(folder.path().to_str().unwrap(), "F"))
    }

    const ROW: &str = "[[endpoint]]\nid = \"a\"\nclass = \"b\"\nhosts = [\"c.example\"]\n";

    #[test]
    fn a_path_is_relative_to_the_file_that_it_stands_in() {
        let loaded = load_first(&[
            ("top.toml", "[policy]\nextends = [\"deep/one.toml\", \"salestim\"]\n"),
            (
                "deep/one.toml",
                "[policy]\nextends = [\"../two.toml\", \"three.toml\"]\n",
            ),
            ("two.toml", ROW),
            ("deep/three.toml", &ROW.replace("\"a\"", "\"three\"")),
        ])
        .unwrap();
        let ids: Vec<_> = loaded.policy.rows().map(|(_, row)| row.id.as_str()).take(3).collect();
        assert_eq!(ids, ["a", "three", "web-app"]);
        let files = files(&loaded.places);
        let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
        assert_eq!(names, ["top.toml", "one.toml", "two.toml", "three.toml"]);
    }

    #[test]
    fn a_circle_is_known_however_its_path_is_written() {
        let told = load_first(&[
            ("top.toml", "[policy]\nextends = [\"x/one.toml\"]\n"),
            ("x/one.toml", "[policy]\nextends = [\"./../x/two.toml\"]\n"),
            ("x/two.toml", "[policy]\nextends = [\"one.toml\"]\n"),
        ]);
        assert_eq!(
            told.unwrap_err(),
            "F/x/./../x/two.toml:2:12: the policy `one.toml` extends itself"
        );
    }

    #[test]
    fn a_device_a_folder_and_a_giant_are_refused_in_one_line() {
        for (path, why) in [
            ("/dev/zero", "it is no ordinary file"),
            (".", "it is a folder"),
            ("none.toml", "no such file or directory"),
            ("big.toml", "it is larger than 16 MiB"),
        ] {
            let text = format!("[policy]\nextends = [\"{path}\"]\n");
            let big = " ".repeat(AT_MOST as usize + 1);
            let told = load_first(&[("top.toml", &text), ("big.toml", &big)]).unwrap_err();
            let wanted = format!("F/top.toml:2:12: the policy `{path}` cannot be read: {why}");
            assert_eq!(told, wanted);
        }
        let told = open("/dev/zero").unwrap_err().0;
        assert!(told.contains("larger than 16 MiB"), "{told}");
    }
}
