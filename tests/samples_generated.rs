//! The captures in `samples/` are what the generator makes of `samples/scripts/`, byte for byte.

#[path = "../samples/generator/mod.rs"]
#[allow(dead_code)]
mod generator;

use std::collections::HashSet;
use std::path::Path;

#[test]
fn committed_captures_are_what_the_generator_makes() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let made = generator::generate(&samples).expect("the scripts can be played");
    assert!(!made.is_empty());
    let mut paths = HashSet::new();
    let mut old = Vec::new();
    for file in &made {
        assert!(paths.insert(&file.path), "made twice: {}", file.path.display());
        if !file.is_current(&samples) {
            old.push(file.path.display().to_string());
        }
    }
    assert!(
        old.is_empty(),
        "not what the scripts say (cargo run --example samplegen): {old:?}"
    );
}

#[test]
fn the_same_script_makes_the_same_bytes() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let once = generator::generate(&samples).expect("the scripts can be played");
    let again = generator::generate(&samples).expect("the scripts can be played");
    assert_eq!(once.len(), again.len());
    for (first, second) in once.iter().zip(&again) {
        assert!(first.content == second.content, "{}", first.path.display());
    }
}
