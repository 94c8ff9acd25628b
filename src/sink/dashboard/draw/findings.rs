//! The pane of findings: what is held against whom, how often, and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::flows::age;
use super::ink::{BAD, Ink};
use super::pen::cut_middle;
use super::{Pen, Scene, line_at, title};
use crate::policy::verdict::{Blockage, FlagKind, Severity};
use crate::sink::dashboard::findings::Found;
use crate::sink::dashboard::view::{Pane, View};

/// Lines for so many findings: the sentence of the chosen one, or of the first, stands below.
pub fn height(findings: usize, _area: Rect) -> usize {
    findings.max(1) + 3
}

pub fn draw(scene: &Scene<'_>, view: &mut View, area: Rect, buffer: &mut Buffer) {
    let findings = view.findings(scene.snapshot);
    let graves = findings
        .iter()
        .filter(|found| found.what.severity == Severity::High)
        .count();
    let mut said = match findings.len() {
        0 => String::new(),
        all => format!("{graves} high, {} other", all - graves),
    };
    if scene.snapshot.more_findings > 0 {
        said += &format!(", and {} more", scene.snapshot.more_findings);
    }
    let rest = title(scene, view, Pane::Findings, &said, area, buffer);
    if findings.is_empty() {
        let words = match view.narrowed().is_none() {
            true => "Nothing is held against any flow so far.",
            false => "No finding has that (Esc clears the filter).",
        };
        Pen::new(buffer, rest, scene.look)
            .write(" ", Ink::Plain)
            .write(words, Ink::Quiet);
        return;
    }
    // With room for it the reason of the chosen one is told below.
    let reasons = usize::from(rest.height >= 4);
    let height = usize::from(rest.height).saturating_sub(2 * reasons).max(1);
    let in_front = view.pane == Pane::Findings;
    if in_front {
        view.page = height;
    }
    let cursor = &mut view.cursors[Pane::Findings as usize];
    cursor.settle(findings.len(), height);
    let shown = findings.iter().enumerate().skip(cursor.top).take(height);
    let mut lines = 0;
    for (place, found) in shown {
        let area = line_at(rest, lines);
        line(scene, found, area, buffer);
        if in_front && cursor.is_set && place == cursor.at {
            Pen::choose(buffer, area, scene.look);
        }
        lines += 1;
    }
    if reasons > 0
        && let Some(found) = findings.get(cursor.at)
    {
        reason(
            scene,
            found,
            Rect {
                y: rest.y + lines as u16,
                height: 2,
                ..rest
            },
            buffer,
        );
    }
}

fn line(scene: &Scene<'_>, found: &Found, area: Rect, buffer: &mut Buffer) {
    const COUNT: usize = 6;
    const AGE: usize = 5;
    /// `blocked dns-refused`.
    const LONGEST_WORD: usize = 19;
    let (sign, ink) = match found.what.severity {
        Severity::High => (BAD, Ink::Bad),
        Severity::Medium => ("!", Ink::Medium),
        Severity::Notice => ("i", Ink::Notice),
    };
    let mut pen = Pen::new(buffer, area, scene.look);
    pen.cell(sign, 2, ink);
    let total = found.count + found.running;
    pen.number(&format!("{total}x"), COUNT, Ink::Plain).skip(1);
    let word = match may_be_loss(found) && scene.gauges.has_dropped() {
        true => format!("{}, or dropped", found.word()),
        false => found.word(),
    };
    let room = pen.room().saturating_sub(AGE);
    let word_width = (room / 3).clamp(LONGEST_WORD.min(room / 2), 26);
    let class_width = if room >= 64 { 14 } else { 0 };
    pen.cell(&word, word_width, ink).skip(1);
    let host_width = room.saturating_sub(word_width + 1 + class_width);
    pen.cell(
        &cut_middle(&found.what.host, host_width.saturating_sub(1)),
        host_width,
        Ink::Plain,
    );
    pen.cell(&found.what.class, class_width, Ink::Quiet);
    let age = age(scene.snapshot.now_ns, found.last_ns);
    pen.number(&age, AGE, Ink::Quiet);
}

/// Silence proves nothing where packets were lost.
fn may_be_loss(found: &Found) -> bool {
    found.what.kind == FlagKind::Blocked && matches!(found.what.how, Some(Blockage::Silent | Blockage::DnsSilent))
}

fn reason(scene: &Scene<'_>, found: &Found, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(5);
    for (number, line) in super::over::wrap(&found.why, width).into_iter().take(2).enumerate() {
        let mut pen = Pen::new(buffer, line_at(area, number), scene.look);
        pen.skip(4).write(&line, Ink::Quiet);
    }
}
