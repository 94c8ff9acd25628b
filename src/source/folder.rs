//! The files of a folder, at any depth.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Regular files below `folder` in the order of their paths; faults are (path, error).
///
/// Hidden files and folders are passed over, links to folders are not followed (there could be a
/// circle), links to files are.
pub fn files(folder: &Path) -> (Vec<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                faults.push((folder, error));
                continue;
            }
        };
        for entry in entries {
            let Ok(entry) = entry.map_err(|error| faults.push((folder.clone(), error))) else {
                continue;
            };
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                // A link's own kind is neither; ask where it leads.
                Ok(kind) if kind.is_file() || (kind.is_symlink() && path.is_file()) => {
                    files.push(path);
                }
                // Sockets and pipes in a folder are nobody's captures, and opening one may wait forever.
                Ok(_) => {}
                Err(error) => faults.push((path, error)),
            }
        }
    }
    files.sort();
    faults.sort_by(|a, b| a.0.cmp(&b.0));
    (files, faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_at_any_depth_without_hidden_ones_and_circles() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("b/deep")).unwrap();
        fs::create_dir(path(".hidden")).unwrap();
        for name in ["z", "a", "b/deep/c", ".secret", ".hidden/x"] {
            fs::write(path(name), b"x").unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path(), path("b/circle")).unwrap();
            std::os::unix::fs::symlink(path("a"), path("linked")).unwrap();
        }
        let (found, faults) = files(root.path());
        let wanted: &[&str] = if cfg!(unix) {
            &["a", "b/deep/c", "linked", "z"]
        } else {
            &["a", "b/deep/c", "z"]
        };
        assert_eq!(found, wanted.iter().map(|name| path(name)).collect::<Vec<_>>());
        assert!(faults.is_empty());

        let (found, faults) = files(&path("nowhere"));
        assert_eq!((found.len(), faults.len()), (0, 1));
    }
}
