//! What a picture is saved as, and under which name.

use super::draw::{Scene, over_lines};
use super::view::View;
use crate::sink::address::address;
use crate::sink::{cells, text};

/// `flowsift-20261121-091201.txt`; with a number where there is one of that name already.
pub fn name(now_ns: u64, number: u32) -> String {
    let stamp = text::time_of_seconds((now_ns / 1_000_000_000) as i64);
    let digits: String = stamp.as_str().chars().filter(char::is_ascii_digit).collect();
    let (date, time) = digits.split_at(digits.len().min(8));
    match number {
        0 => format!("flowsift-{date}-{time}.txt"),
        _ => format!("flowsift-{date}-{time}-{number}.txt"),
    }
}

/// The picture, and behind it the whole of what it shows a part of: the proof that is open, or every flow that is not filtered out.
pub fn text(picture: &str, scene: &Scene<'_>, view: &View) -> String {
    let mut text = picture.to_owned();
    text.push('\n');
    match &view.over {
        Some(over) => {
            for (line, _) in over_lines(over, scene, WIDTH) {
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        None => {
            for seen in view.flows(scene.snapshot) {
                let row = &seen.row;
                let time = text::time(row.start_ns, row.nanoseconds);
                let words: Vec<String> = seen.verdict().into_iter().map(|(word, _)| word).collect();
                let state = if seen.is_running { "running" } else { "ended" };
                text.push_str(&format!(
                    "{} {state} {} {} {} {} {} {} {}\n",
                    time.as_str(),
                    row.id.as_str(),
                    address(row.client.ip).as_str(),
                    seen.host(),
                    seen.class,
                    cells::app(row).replace(' ', "-"),
                    seen.bytes(),
                    words.join(", ")
                ));
            }
        }
    }
    text
}

/// Of a file's lines.
const WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_the_time() {
        let ns = crate::sink::fixtures::MORNING;
        assert_eq!(name(ns, 0), "flowsift-20261121-091201.txt");
        assert_eq!(name(ns, 2), "flowsift-20261121-091201-2.txt");
    }
}
