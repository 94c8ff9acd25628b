//! The rows of a policy as they are in effect.

use super::{from, joined, plain, ports, sha256, tls};
use crate::policy::load::{Loaded, RowPlaces};
use crate::policy::model::{Date, Row, Status, TlsRule};
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::style::{Align, Style, Tone, pad};
use crate::sink::text;

/// The policy's own record, and one a row; `shown` chooses the rows.
pub fn json(loaded: &Loaded, as_of: Date, shown: impl Fn(&Row) -> bool, out: &mut Vec<u8>) {
    let policy = &loaded.policy;
    let header = policy.header();
    json::line(out, |line| {
        line.put(key!("type"), Plain("policy"));
        line.put(key!("name"), &header.name);
        line.text_if_any(key!("title"), &header.title);
        line.maybe(key!("date"), header.date.map(|date| date.to_string()));
        line.maybe(key!("review_days"), header.review_days);
        line.text_if_any(key!("source"), &header.source);
        line.put(key!("sha256"), sha256(policy.sha256()));
        line.object(key!("unlisted"), |unlisted| {
            unlisted.list(key!("ports"), policy.unlisted().ports.iter().map(ToString::to_string));
            put_tls(unlisted, &policy.unlisted().tls);
        });
        line.put(key!("rows"), policy.rows().count() as u64);
    });
    for (id, row) in policy.rows().filter(|(_, row)| shown(row)) {
        json::line(out, |line| {
            one(line, row, as_of);
            if let Some(places) = loaded.places.row(usize::from(id.0)) {
                put_from(line, loaded, places);
            }
        });
    }
}

/// Every key of the file, an empty list where it was left out.
fn one(line: &mut Object, row: &Row, as_of: Date) {
    line.put(key!("type"), Plain("policy-row"));
    line.put(key!("id"), &row.id);
    line.put(key!("class"), &row.class);
    line.put(key!("line"), Plain(row.line.as_str()));
    line.text_if_any(key!("title"), &row.title);
    line.text_if_any(key!("purpose"), &row.purpose);
    line.text_if_any(key!("area"), &row.area);
    line.text_if_any(key!("category"), &row.category);
    line.text_if_any(key!("notes"), &row.notes);
    line.list(key!("hosts"), row.hosts.iter().map(ToString::to_string));
    line.list(key!("anywhere"), row.anywhere.iter().map(ToString::to_string));
    line.list(key!("broad"), row.broad.iter().map(ToString::to_string));
    let tags = row.tags.iter().map(|tag| format!("@{tag}"));
    line.list(
        key!("addresses"),
        row.addresses.iter().map(ToString::to_string).chain(tags),
    );
    // What the tags stand for; left out where there are none.
    line.list_if_any(key!("tagged"), row.tagged.iter().map(ToString::to_string));
    line.list(key!("ports"), row.expect.ports.iter().map(ToString::to_string));
    put_tls(line, &row.expect.tls);
    line.list(key!("via"), row.via.iter().map(ToString::to_string));
    line.list(key!("issuers"), &row.issuers);
    line.put(key!("status"), Plain(row.status.as_str()));
    line.maybe(key!("since"), row.since.map(|date| date.to_string()));
    line.maybe(key!("until"), row.until.map(|date| date.to_string()));
    line.maybe(key!("replaced_by"), row.replaced_by.as_ref());
    line.put(key!("required"), row.required);
    line.put(
        key!("in_force"),
        !row.is_over(as_of) && row.since.is_none_or(|since| since <= as_of),
    );
}

/// As in the file: a list of versions, or false.
fn put_tls(line: &mut Object, rule: &TlsRule) {
    match rule {
        TlsRule::PlainAllowed => line.put(key!("tls"), false),
        TlsRule::AnyVersion => line.list(key!("tls"), [""; 0]),
        TlsRule::Versions(versions) => line.list(key!("tls"), versions.iter().map(ToString::to_string)),
    }
}

fn put_from(line: &mut Object, loaded: &Loaded, places: &RowPlaces) {
    line.object(key!("from"), |it| {
        it.put(key!("policy"), loaded.places.origin(places.at));
        it.put(key!("line"), places.at.line);
    });
    if let Some(old) = places.replaces {
        line.object(key!("replaces"), |it| {
            it.put(key!("policy"), loaded.places.origin(old));
            it.put(key!("line"), old.line);
        });
    }
}

const HEADINGS: [&str; 7] = ["ENDPOINT", "CLASS", "LINE", "PORTS", "TLS", "STATUS", "FROM"];
const GAP: usize = 2;
/// Narrower no column is made.
const LEAST: [usize; 7] = [12, 13, 6, 10, 3, 7, 14];
/// Hosts have a column of their own where it can be so wide; else they stand below their row.
const HOSTS_LEAST: usize = 48;

/// A table: a row's hosts and addresses in a column of their own on a wide screen, in a line below it on a narrow one.
pub fn table(loaded: &Loaded, as_of: Date, shown: impl Fn(&Row) -> bool, style: &Style) -> String {
    let policy = &loaded.policy;
    let rows: Vec<([String; 7], &Row)> = policy
        .rows()
        .filter(|(_, row)| shown(row))
        .map(|(id, row)| {
            let place = loaded
                .places
                .row(usize::from(id.0))
                .map(|places| from(&loaded.places, places.at));
            (cells(row, place.unwrap_or_default(), as_of), row)
        })
        .collect();
    let mut widths = widths(rows.iter().map(|(cells, _)| cells));
    // On a very narrow screen the last columns are left out.
    let columns = (1..=widths.len()).rev().find(|count| least(*count) <= style.width);
    let columns = columns.unwrap_or(1);
    let taken = |widths: &[usize; 7]| widths.iter().sum::<usize>() + GAP * widths.len();
    let beside = style.width.saturating_sub(taken(&widths)) >= HOSTS_LEAST;
    if !beside {
        let gaps = GAP * (columns - 1);
        widths.iter_mut().skip(columns).for_each(|width| *width = 0);
        shrink(&mut widths, style.width.saturating_sub(gaps));
    }
    let mut out = head(loaded, rows.len(), style);
    let mut heading = String::new();
    for (heading_cell, width) in HEADINGS.iter().zip(widths).take(columns) {
        style.cell(&mut heading, heading_cell, width, Align::Left, Tone::Strong);
        pad(&mut heading, GAP);
    }
    if beside {
        style.paint(&mut heading, "HOSTS, ADDRESSES", Tone::Strong);
    }
    push_line(&mut out, &heading);
    for (cells, row) in &rows {
        let mut line = String::new();
        let over = row.is_over(as_of);
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate().take(columns) {
            let cell = match index {
                6 => text::cut_middle(cell, width),
                _ => text::cut_end(cell, width),
            };
            let tone = if over { Tone::Quiet } else { Tone::Plain };
            style.cell(&mut line, &cell, width, Align::Left, tone);
            pad(&mut line, GAP);
        }
        let covered = plain(covered(row));
        if beside {
            style.list(&mut line, &covered, style.width.saturating_sub(taken(&widths)));
        } else {
            push_line(&mut out, &line);
            line.clear();
            pad(&mut line, GAP);
            style.list(&mut line, &covered, style.width.saturating_sub(GAP));
        }
        push_line(&mut out, &line);
    }
    out
}

fn head(loaded: &Loaded, shown: usize, style: &Style) -> String {
    let header = loaded.policy.header();
    let mut out = String::new();
    let title = format!("{}  {}", text::clean(&header.name), text::clean(&header.title));
    style.paint(
        &mut out,
        text::cut_end(title.trim(), style.width).as_ref(),
        Tone::Strong,
    );
    out.push('\n');
    let all = loaded.policy.rows().count();
    let mut about = match shown == all {
        true => format!("{all} rows"),
        false => format!("{shown} of {all} rows"),
    };
    if let Some(date) = header.date {
        about.push_str(&format!(", as of {date}"));
    }
    if let Some(days) = header.review_days {
        about.push_str(&format!(", to be reviewed after {days} days"));
    }
    about.push_str(&format!(
        "; in no row: {}, TLS {}",
        ports(loaded.policy.unlisted()),
        tls(&loaded.policy.unlisted().tls)
    ));
    super::wrapped(&mut out, &about, 0, style.width);
    out.push('\n');
    out
}

fn cells(row: &Row, place: String, as_of: Date) -> [String; 7] {
    let status = match (row.status, row.until) {
        (Status::Retired, Some(until)) => format!("retired {until}"),
        (_, Some(_)) if row.is_over(as_of) => "over".to_owned(),
        (status, _) if row.since.is_some_and(|since| since > as_of) => format!("{}, not yet", status.as_str()),
        (status, _) => status.as_str().to_owned(),
    };
    let cell = |text: &str| text::clean(text).into_owned();
    [
        cell(&row.id),
        cell(&row.class),
        row.line.as_str().to_owned(),
        joined(&row.expect.ports).replace(", ", " "),
        tls(&row.expect.tls).replace(", ", " "),
        status,
        place,
    ]
    .map(|cell| if cell.is_empty() { "any".to_owned() } else { cell })
}

/// Hosts, broad forms in brackets, then addresses.
fn covered(row: &Row) -> impl Iterator<Item = String> + '_ {
    let hosts = row.hosts.iter().map(ToString::to_string);
    let broad = row.broad.iter().map(|host| format!("({host})"));
    let ranges = row.addresses.iter().map(ToString::to_string);
    let ranges_behind = match row.tagged.len() {
        0 => String::new(),
        count => format!(" ({})", text::count(count as u64, "range")),
    };
    let last = row.tags.len().saturating_sub(1);
    let tags = row.tags.iter().enumerate().map(move |(nth, tag)| match nth == last {
        true => format!("@{tag}{ranges_behind}"),
        false => format!("@{tag}"),
    });
    hosts.chain(broad).chain(ranges).chain(tags)
}

/// How much room so many columns need.
fn least(columns: usize) -> usize {
    LEAST.iter().take(columns).sum::<usize>() + GAP * (columns - 1)
}

fn widths<'a>(rows: impl Iterator<Item = &'a [String; 7]>) -> [usize; 7] {
    const MOST: [usize; 7] = [24, 16, 6, 34, 8, 18, 28];
    let mut widths = HEADINGS.map(str::len);
    for cells in rows {
        for ((width, cell), most) in widths.iter_mut().zip(cells).zip(MOST) {
            *width = (*width).max(cell.chars().count().min(most));
        }
    }
    widths
}

/// Takes from the widest until all fit.
fn shrink(widths: &mut [usize; 7], room: usize) {
    while widths.iter().sum::<usize>() > room {
        let spare = widths
            .iter()
            .zip(LEAST)
            .enumerate()
            .filter(|(_, (width, least))| *width > least);
        let Some((index, _)) = spare.max_by_key(|(_, (width, least))| *width - least) else {
            return;
        };
        widths[index] -= 1;
    }
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::builtin;
    use crate::policy::load::load;

    const TODAY: Date = Date {
        year: 2026,
        month: 11,
        day: 1,
    };

    fn salestim() -> Loaded {
        load(builtin::policy(builtin::DEFAULT).unwrap(), "salestim", &mut |_| {
            Err(String::new())
        })
        .unwrap()
    }

    #[test]
    fn a_table_fits_its_screen_and_uses_a_wide_one() {
        let loaded = salestim();
        for width in [24, 40, 60, 80, 100, 200] {
            let style = Style { width, colour: false };
            let table = table(&loaded, TODAY, |_| true, &style);
            let longest = table.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width), "{width}: {longest:?}");
            assert_eq!(table.contains("HOSTS, ADDRESSES"), width == 200, "{width}");
            for row in loaded.policy.rows() {
                assert!(width < 40 || table.contains(&row.1.class));
            }
        }
        let style = Style {
            width: 80,
            colour: false,
        };
        let narrow = table(&loaded, TODAY, |row| row.class == "storage", &style);
        assert!(
            narrow.contains("stappsaprd.blob.core.windows.net, (*.windows.net)"),
            "{narrow}"
        );
    }

    #[test]
    fn json_has_every_key_of_the_file() {
        let loaded = salestim();
        let mut out = Vec::new();
        json(&loaded, TODAY, |_| true, &mut out);
        let lines: Vec<serde_json::Value> = out
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines[0]["type"], "policy");
        assert_eq!(lines[0]["date"], "2026-08-14");
        assert_eq!(lines[0]["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(lines.len() - 1, loaded.policy.rows().count());
        let web = &lines[1];
        assert_eq!((&web["type"], &web["id"]), (&"policy-row".into(), &"web-app".into()));
        assert_eq!(web["addresses"][0], "@AzureFrontDoor.Frontend");
        assert_eq!(web["tls"][0], "1.2");
        assert_eq!(web["from"]["policy"], "salestim");
        for key in [
            "hosts", "broad", "ports", "via", "issuers", "status", "since", "required", "in_force", "line", "class",
        ] {
            assert!(!web[key].is_null(), "{key}");
        }
        let script = lines.iter().find(|line| line["id"] == "app-insights-script").unwrap();
        assert_eq!(
            (&script["in_force"], &script["replaced_by"]),
            (&false.into(), &"js.monitor.azure.com".into())
        );
    }
}
