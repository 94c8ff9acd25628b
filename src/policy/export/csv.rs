//! CSV: a line for every host and every address range of every row, for spreadsheets and scripts.
//!
//! `kind` is `host`, `wildcard` (any depth below, without the name itself), `broad`, or `address`; `tag` is the tag that an
//! address comes from. Lists in a cell have spaces between. There are no comments: what is left out is told on stderr.

use super::{Choice, Chosen, Export, Losses};
use crate::policy::model::TlsRule;
use crate::policy::spelling::csv;

const COLUMNS: &str =
    "endpoint,class,line,status,required,kind,value,tag,ports,tls,area,category,title,since,until\r\n";

pub fn write(choice: &Choice) -> Export {
    let mut text = COLUMNS.to_owned();
    for chosen in &choice.rows {
        row(chosen, &mut text);
    }
    Export {
        text,
        losses: Losses::default(),
    }
}

fn row(chosen: &Chosen, out: &mut String) {
    let row = chosen.row;
    let required = if row.required { "true" } else { "false" };
    let ports: Vec<String> = row.expect.ports.iter().map(ToString::to_string).collect();
    let day = |day: Option<super::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut line = |kind: &str, value: String, tag: &str| {
        let cells = [
            &row.id,
            &row.class,
            row.line.as_str(),
            row.status.as_str(),
            required,
            kind,
            &value,
            tag,
            &ports.join(" "),
            &tls(&row.expect.tls),
            &row.area,
            &row.category,
            &row.title,
            &day(row.since),
            &day(row.until),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| csv(cell)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    for host in &row.hosts {
        line(if host.below { "wildcard" } else { "host" }, host.to_string(), "");
    }
    for host in &row.broad {
        line("broad", host.to_string(), "");
    }
    for range in &row.addresses {
        line("address", range.to_string(), "");
    }
    let tags = row.tags.join(" ");
    for range in &row.tagged {
        line("address", range.to_string(), &tags);
    }
}

/// `1.2 1.3`, `any` version, or `plain` where that is allowed.
fn tls(rule: &TlsRule) -> String {
    match rule {
        TlsRule::AnyVersion => "any".to_owned(),
        TlsRule::PlainAllowed => "plain".to_owned(),
        TlsRule::Versions(versions) => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}
