//! The figures of a run as a Markdown table, for BENCHMARKS.md: nanoseconds for one unit of each part.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use super::page;

/// Prints what criterion has written down since `begin`, in the order of the run.
pub fn print(begin: SystemTime) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap_or(Path::new("target"));
    let mut figures = Vec::new();
    for group in entries(&target.join("criterion")) {
        for part in entries(&group) {
            figures.extend(figure(&part.join("new"), begin));
        }
    }
    if figures.is_empty() {
        return;
    }
    figures.sort_by_key(|(written, _)| *written);
    let lines: Vec<String> = figures.into_iter().map(|(_, line)| line).collect();
    let table = lines.join("\n");
    page::show(
        "parts",
        &format!("| part | ns each | million/s |\n| --- | ---: | ---: |\n{table}\n"),
    );
}

/// One line, and when it was measured; None if that was before `begin`.
fn figure(folder: &Path, begin: SystemTime) -> Option<(SystemTime, String)> {
    let estimates = folder.join("estimates.json");
    let written = fs::metadata(&estimates).ok()?.modified().ok()?;
    if written < begin {
        return None;
    }
    let read = |path: &Path| -> Option<Value> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
    let (about, estimates) = (read(&folder.join("benchmark.json"))?, read(&estimates)?);
    let units = about["throughput"]["Elements"].as_f64()?;
    let each = estimates["median"]["point_estimate"].as_f64()? / units;
    let line = format!(
        "| {}: {} | {each:.1} | {:.2} |",
        about["group_id"].as_str()?,
        about["function_id"].as_str()?,
        1e3 / each
    );
    Some((written, line))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
