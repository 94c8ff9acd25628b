//! A story as Markdown, for a report or a ticket.

use super::Story;
use crate::sink::markdown::escaped;

/// Adds the document.
pub fn markdown(story: &Story, out: &mut Vec<u8>) {
    let mut text = format!("# {}\n", escaped(&story.title));
    for (step, number) in story.steps.iter().zip(1..) {
        text.push_str(&format!("\n## {number} {}\n\n", escaped(step.heading)));
        for (sentence, place) in step.says.iter().zip(1..) {
            text.push_str(&format!("- **{number}.{place}** {}\n", escaped(sentence)));
        }
    }
    text.push_str(&format!(
        "\n## {} To see it in Wireshark (display filters)\n",
        story.steps.len() + 1
    ));
    for file in &story.filters.files {
        for (what, filter) in file.named() {
            // Filters are made of addresses and numbers alone: no fence can be in them.
            text.push_str(&format!(
                "\n{}, {what}:\n\n```\n{filter}\n```\n",
                escaped(&file.shown_file())
            ));
        }
    }
    out.extend_from_slice(text.as_bytes());
}
