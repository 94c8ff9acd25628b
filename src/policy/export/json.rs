//! JSON: one object with the policy's header, the rows, and what is left out; keys as in the policy file.
//!
//! Ranges of tags stand apart from the row's own (`tagged`). `tls` is a list of versions, `[]` for any, `false` where plain is
//! allowed. A key without a value is left out.

use super::{Choice, Chosen, Export, HostPattern, Losses, Prefix};
use crate::policy::model::TlsRule;
use crate::policy::spelling::json;

pub fn write(choice: &Choice) -> Export {
    let header = choice.policy.header();
    let digest: String = choice
        .policy
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut about = Object::default();
    about.text("name", &header.name);
    about.text("title", &header.title);
    about.text("date", &header.date.map(|date| date.to_string()).unwrap_or_default());
    about.text("source", &header.source);
    about.text("sha256", &digest);
    let rows: Vec<String> = choice.rows.iter().map(endpoint).collect();
    let left_out: Vec<String> = choice
        .left_out
        .iter()
        .map(|(row, why)| {
            let mut object = Object::default();
            object.text("id", &row.id);
            object.text("class", &row.class);
            object.text("why", why);
            object.end()
        })
        .collect();
    let text = format!(
        "{{\n\"policy\":{},\n\"endpoints\":[{}],\n\"left_out\":[{}]\n}}\n",
        about.end(),
        lines(&rows),
        lines(&left_out)
    );
    Export {
        text,
        losses: Losses::default(),
    }
}

/// One a line, so that two exports can be compared.
fn lines(items: &[String]) -> String {
    match items.is_empty() {
        true => String::new(),
        false => format!("\n{}\n", items.join(",\n")),
    }
}

fn endpoint(chosen: &Chosen) -> String {
    let row = chosen.row;
    let day = |day: Option<super::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut object = Object::default();
    object.text("id", &row.id);
    object.text("class", &row.class);
    object.text("line", row.line.as_str());
    object.text("title", &row.title);
    object.text("purpose", &row.purpose);
    object.text("area", &row.area);
    object.text("category", &row.category);
    object.text("notes", &row.notes);
    object.list("hosts", row.hosts.iter().map(HostPattern::to_string));
    object.list("anywhere", row.anywhere.iter().map(HostPattern::to_string));
    object.list("broad", row.broad.iter().map(HostPattern::to_string));
    object.list("addresses", row.addresses.iter().map(Prefix::to_string));
    object.list("tags", row.tags.iter().cloned());
    object.list("tagged", row.tagged.iter().map(Prefix::to_string));
    object.list("ports", row.expect.ports.iter().map(ToString::to_string));
    match &row.expect.tls {
        TlsRule::AnyVersion => object.raw("tls", "[]"),
        TlsRule::PlainAllowed => object.raw("tls", "false"),
        TlsRule::Versions(versions) => object.list("tls", versions.iter().map(ToString::to_string)),
    }
    object.list("via", row.via.iter().map(HostPattern::to_string));
    object.list("issuers", row.issuers.iter().cloned());
    object.text("status", row.status.as_str());
    object.text("since", &day(row.since));
    object.text("until", &day(row.until));
    object.text("replaced_by", row.replaced_by.as_deref().unwrap_or_default());
    object.raw("required", if row.required { "true" } else { "false" });
    object.end()
}

/// Fields with values.
#[derive(Debug, Default)]
struct Object {
    fields: Vec<String>,
}

impl Object {
    fn raw(&mut self, key: &str, value: &str) {
        self.fields.push(format!("{}:{value}", json(key)));
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.raw(key, &json(value));
        }
    }

    fn list(&mut self, key: &str, items: impl Iterator<Item = String>) {
        let items: Vec<String> = items.map(|item| json(&item)).collect();
        if !items.is_empty() {
            self.raw(key, &format!("[{}]", items.join(",")));
        }
    }

    fn end(self) -> String {
        format!("{{{}}}", self.fields.join(","))
    }
}
