//! Azure's service tags: named address ranges, as `[[tag]]` tables that a row may name by `"@Name"`.
//!
//! A policy finds them by extending the file: `extends = ["salestim", "azure-tags.toml"]`. Then the tags that flowsift brings
//! along give way to those of the file.

use std::fmt::Write;

use super::json::{Document, Node, Value, read};
use super::{Imported, checked, header};
use crate::policy::load::{PolicyError, nearest, quoted, scalar};
use crate::policy::model::Date;
use crate::policy::spelling::{toml, toml_list};

/// A file larger than this could not be read as a policy.
const WRITTEN_AT_MOST: usize = 16 << 20;

/// The tags of these names, or all of them where none is named. `date` is the day they were fetched.
pub fn import(text: &str, origin: &str, wanted: &[String], date: Option<Date>) -> Result<Imported, PolicyError> {
    let document = Document { origin };
    let root = read(text, origin)?;
    if let Value::List(_) = root.value {
        let what = "no file of Azure service tags; Microsoft 365 endpoints are read by `policy import m365`";
        return Err(document.error(&root, what));
    }
    let values = document.list(document.field(&root, "values")?)?;
    let (mut cloud, mut change) = (String::new(), 0);
    for (key, value) in document.object(&root)? {
        match key.as_str() {
            "cloud" => cloud = document.text(value)?.to_owned(),
            "changeNumber" => change = document.number(value)?,
            _ => {}
        }
    }
    let source = format!("Azure service tags, cloud {}, change {change}", short(&cloud));
    let mut toml = header("azure-tags", "Address ranges of Azure's services", &source, date);
    let (mut names, mut notes, mut written) = (Vec::new(), Vec::new(), 0);
    for node in values {
        let name = document.text(document.field(node, "name")?)?;
        names.push(name);
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        match tag(&document, node, name, &cloud)? {
            Some(text) => toml.push_str(&text),
            None => notes.push(format!("the tag {} has no addresses and is left out", quoted(name))),
        }
        written += 1;
        if toml.len() > WRITTEN_AT_MOST {
            return Err(document.error(node, "too many ranges for one policy: choose some tags with --tag"));
        }
    }
    if let Some(stranger) = wanted.iter().find(|wanted| !names.contains(&wanted.as_str())) {
        let mistake = crate::policy::load::Mistake::new(format!("no tag {} is in it", quoted(stranger)));
        let near = nearest(stranger, names.iter().copied()).map(quoted);
        return Err(document.mistake(&root, near.map_or(mistake.clone(), |near| mistake.suggest(near))));
    }
    if written == 0 {
        return Err(document.error(&root, "there is no tag in it"));
    }
    checked(toml, notes)
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

/// One `[[tag]]`; None if it has no addresses.
fn tag(document: &Document, node: &Node, name: &str, cloud: &str) -> Result<Option<String>, PolicyError> {
    if !scalar::is_word(name) {
        let what = format!(
            "{} is no name of a tag: letters, digits, `-`, `_` and `.` are",
            quoted(name)
        );
        return Err(document.error(node, what));
    }
    let properties = document.field(node, "properties")?;
    let mut out = format!("\n[[tag]]\nname = {}\n", toml(name));
    let mut addresses = Vec::new();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{key} = {}", toml(&short(value)));
        }
    };
    let mut change = 0;
    text("cloud", cloud);
    for (key, value) in document.object(properties)? {
        match key.as_str() {
            "changeNumber" => change = document.number(value)?,
            "region" => text("region", document.text(value)?),
            "platform" => text("platform", document.text(value)?),
            "systemService" => text("service", document.text(value)?),
            "addressPrefixes" => {
                for item in document.list(value)? {
                    let reading = scalar::prefix(document.text(item)?);
                    let reading = reading.map_err(|mistake| document.mistake(item, mistake))?;
                    addresses.push(reading.value.to_string());
                }
            }
            _ => {}
        }
    }
    if change > 0 {
        let _ = writeln!(out, "change = {change}");
    }
    out.push_str(&toml_list("addresses", addresses.iter().cloned()));
    Ok((!addresses.is_empty()).then_some(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load::{Found, load};

    const FILE: &str = r#"{"changeNumber": 363, "cloud": "Public", "values": [
        {"name": "Lab", "id": "Lab", "properties": {"changeNumber": 3, "region": "", "regionId": 0, "platform": "Azure",
         "systemService": "LabService", "addressPrefixes": ["198.18.0.0/24", "2001:db8::/32"], "networkFeatures": ["NSG"]}},
        {"name": "Lab.WestEurope", "id": "Lab.WestEurope", "properties": {"changeNumber": 1, "region": "westeurope",
         "platform": "Azure", "systemService": "", "addressPrefixes": ["198.18.0.0/28"]}},
        {"name": "Empty", "properties": {"addressPrefixes": []}}]}"#;

    #[test]
    fn tags_are_written_with_where_they_come_from_and_are_found_by_who_extends_them() {
        let imported = import(FILE, "f", &[], Date::parse("2025-07-01")).unwrap();
        assert_eq!(
            imported.toml,
            "[policy]\nname = \"azure-tags\"\ntitle = \"Address ranges of Azure's services\"\ndate = 2025-07-01\nreview_days = 90\n\
             source = \"Azure service tags, cloud Public, change 363\"\n\
             \n[[tag]]\nname = \"Lab\"\ncloud = \"Public\"\nplatform = \"Azure\"\nservice = \"LabService\"\nchange = 3\n\
             addresses = [\"198.18.0.0/24\", \"2001:db8::/32\"]\n\
             \n[[tag]]\nname = \"Lab.WestEurope\"\ncloud = \"Public\"\nregion = \"westeurope\"\nplatform = \"Azure\"\nchange = 1\n\
             addresses = [\"198.18.0.0/28\"]\n"
        );
        assert_eq!(imported.notes, ["the tag `Empty` has no addresses and is left out"]);
        let own =
            "[policy]\nextends = [\"t\"]\n[[endpoint]]\nid = \"a\"\nclass = \"b\"\naddresses = [\"@Lab.WestEurope\"]\n";
        let loaded = load(own, "own", &mut |_| {
            Ok(Found {
                origin: "t".to_owned(),
                identity: "t".to_owned(),
                text: imported.toml.clone(),
            })
        });
        let policy = loaded.unwrap().policy;
        assert_eq!(policy.rows().next().unwrap().1.tagged[0].to_string(), "198.18.0.0/28");
    }

    #[test]
    fn some_tags_may_be_chosen() {
        let imported = import(FILE, "f", &["Lab.WestEurope".to_owned()], None).unwrap();
        assert_eq!(imported.toml.matches("[[tag]]").count(), 1);
        let stranger = import(FILE, "f", &["Lab.WestEurop".to_owned()], None).unwrap_err();
        assert_eq!(
            stranger.to_string(),
            "f:1:1: no tag `Lab.WestEurop` is in it; did you mean `Lab.WestEurope`?"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            (
                "[]",
                "f:1:1: no file of Azure service tags; Microsoft 365 endpoints are read by `policy import m365`",
            ),
            ("{}", "f:1:1: this object has no `values`"),
            ("{\"values\": []}", "f:1:1: there is no tag in it"),
            (
                "{\"values\": [{\"name\": \"a b\", \"properties\": {}}]}",
                "f:1:13: `a b` is no name of a tag: letters, digits, `-`, `_` and `.` are",
            ),
            (
                "{\"values\": [{\"name\": \"a\", \"properties\": {\"addressPrefixes\": [\"x\"]}}]}",
                "f:1:62: `x` is not an address range; a host belongs under `hosts`, a tag begins with `@`",
            ),
        ] {
            assert_eq!(import(text, "f", &[], None).unwrap_err().to_string(), told);
        }
    }
}
