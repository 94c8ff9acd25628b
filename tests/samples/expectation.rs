//! The expectation beside a sample: which records must be there, how many times, and which must not.
//!
//! ```text
//! # a comment
//! exit 0
//! stderr "cut short"
//! arguments --fail-on port
//! 1  flow name=app.salestim.io class=salestim flags= tls.version=1.2
//! no flow name=www.example.net
//! ```
//!
//! A pattern matches a record if every field it mentions does: `=` equal, `~` contains, `!` does not contain.
//! `-` stands for "left out", `*` for anything. A list is its items between commas; one of objects with a `flag`
//! is the list of those. `a.b` goes into `a`, and into each item where `a` is a list.

use serde_json::Value;

pub struct Expectation {
    pub exit: i32,
    /// Each must stand in stderr, in any case of letters.
    pub stderr: Vec<String>,
    /// Typed after `read --names --format json`.
    pub arguments: Vec<String>,
    patterns: Vec<Pattern>,
}

struct Pattern {
    text: String,
    count: Count,
    kind: String,
    fields: Vec<Field>,
}

enum Count {
    Exactly(usize),
    AtLeastOne,
}

struct Field {
    path: Vec<String>,
    relation: Relation,
    value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equals,
    Contains,
    Lacks,
}

/// How many records a complaint shows.
const SHOWN: usize = 4;

impl Expectation {
    pub fn parse(text: &str) -> Result<Expectation, String> {
        let mut expectation = Expectation {
            exit: 0,
            stderr: Vec::new(),
            arguments: Vec::new(),
            patterns: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let words = words(line).map_err(|why| format!("line {}: {why}", index + 1))?;
            let Some((verb, rest)) = words.split_first() else {
                continue;
            };
            match verb.as_str() {
                "exit" => {
                    let status = rest.first().and_then(|word| word.parse().ok());
                    expectation.exit = status.ok_or(format!("line {}: no status", index + 1))?;
                }
                "stderr" => expectation.stderr.extend_from_slice(rest),
                "arguments" => expectation.arguments.extend_from_slice(rest),
                _ => {
                    let pattern = Pattern::of_words(line.trim(), verb, rest);
                    let pattern = pattern.map_err(|why| format!("line {}: {why}", index + 1))?;
                    expectation.patterns.push(pattern);
                }
            }
        }
        Ok(expectation)
    }

    /// What is missing among `records`, and what is there too much.
    pub fn complaints(&self, records: &[Value]) -> Vec<String> {
        self.patterns
            .iter()
            .filter_map(|pattern| pattern.complaint(records))
            .collect()
    }
}

impl Pattern {
    fn of_words(text: &str, count: &str, rest: &[String]) -> Result<Pattern, String> {
        let count = match count {
            "no" => Count::Exactly(0),
            "+" => Count::AtLeastOne,
            number => Count::Exactly(
                number
                    .parse()
                    .map_err(|_| format!("`{number}` is no count (a number, + or no)"))?,
            ),
        };
        let (kind, fields) = rest.split_first().ok_or("a record's type is missing")?;
        let fields = fields
            .iter()
            .map(|word| Field::of_word(word))
            .collect::<Result<_, _>>()?;
        Ok(Pattern {
            text: text.to_string(),
            count,
            kind: kind.clone(),
            fields,
        })
    }

    fn complaint(&self, records: &[Value]) -> Option<String> {
        let of_kind: Vec<&Value> = records
            .iter()
            .filter(|record| record["type"] == self.kind.as_str())
            .collect();
        let matching: Vec<&Value> = of_kind
            .iter()
            .copied()
            .filter(|record| self.fields.iter().all(|field| field.matches(record)))
            .collect();
        let is_right = match self.count {
            Count::Exactly(count) => matching.len() == count,
            Count::AtLeastOne => !matching.is_empty(),
        };
        if is_right {
            return None;
        }
        let mut complaint = format!("  {}\n    matched by {}", self.text, matching.len());
        if matching.is_empty() {
            // The records that fail on the fewest fields come first, with what they have instead.
            let mut near: Vec<(Vec<String>, &Value)> = of_kind
                .iter()
                .map(|record| (self.differences(record), *record))
                .collect();
            near.sort_by_key(|(differences, _)| differences.len());
            for (differences, record) in near.iter().take(SHOWN) {
                complaint += &format!("\n    near: {}\n          {record}", differences.join("; "));
            }
        } else {
            for record in matching.iter().take(SHOWN) {
                complaint += &format!("\n    {record}");
            }
        }
        Some(complaint)
    }

    fn differences(&self, record: &Value) -> Vec<String> {
        let differing = self.fields.iter().filter(|field| !field.matches(record));
        differing
            .map(|field| format!("{} is {}", field.path.join("."), field.found(record).join(",")))
            .collect()
    }
}

impl Field {
    fn of_word(word: &str) -> Result<Field, String> {
        let at = word
            .find(['=', '~', '!'])
            .ok_or_else(|| format!("`{word}` has none of = ~ !"))?;
        let (path, value) = word.split_at(at);
        let relation = match value.as_bytes().first() {
            Some(b'~') => Relation::Contains,
            Some(b'!') => Relation::Lacks,
            _ => Relation::Equals,
        };
        Ok(Field {
            path: path.split('.').map(str::to_string).collect(),
            relation,
            value: value.split_at(1).1.to_string(),
        })
    }

    fn matches(&self, record: &Value) -> bool {
        let mut found = Vec::new();
        let is_present = collect(record, &self.path, &mut found);
        let wanted: Vec<&str> = self.value.split(',').filter(|item| !item.is_empty()).collect();
        match (self.relation, self.value.as_str()) {
            (Relation::Equals, "-") => !is_present,
            (Relation::Equals, "*") => is_present,
            (Relation::Equals, "") => is_present && found.iter().all(String::is_empty),
            (Relation::Equals, value) if found.len() == 1 => found[0] == value,
            (Relation::Equals, _) if self.is_set() => {
                found.len() == wanted.len() && wanted.iter().all(|item| has(&found, item))
            }
            (Relation::Equals, _) => found.iter().eq(wanted.iter()),
            (Relation::Contains, value) if found.len() == 1 => found[0].contains(value),
            (Relation::Contains, _) => wanted.iter().all(|item| has(&found, item)),
            (Relation::Lacks, _) => !wanted.iter().any(|item| has(&found, item)),
        }
    }

    /// Lists whose order says nothing.
    fn is_set(&self) -> bool {
        matches!(self.path[0].as_str(), "flags" | "quality" | "addresses")
            || self.path.last().is_some_and(|last| last == "candidates")
    }

    fn found(&self, record: &Value) -> Vec<String> {
        let mut found = Vec::new();
        if !collect(record, &self.path, &mut found) {
            found.push("left out".into());
        }
        found
    }
}

fn has(found: &[String], item: &str) -> bool {
    found.iter().any(|text| text == item)
}

/// Adds the texts at `path` to `found`; false if the field is left out.
fn collect(value: &Value, path: &[String], found: &mut Vec<String>) -> bool {
    match (value, path.split_first()) {
        (Value::Null, _) => false,
        (Value::Array(items), _) => {
            for item in items {
                collect(item, path, found);
            }
            true
        }
        (Value::Object(fields), Some((key, rest))) => fields.get(key).is_some_and(|value| collect(value, rest, found)),
        (Value::Object(fields), None) => {
            found.push(match fields.get("flag") {
                Some(Value::String(flag)) => flag.clone(),
                _ => value.to_string(),
            });
            true
        }
        (_, Some(_)) => false,
        (Value::String(text), None) => {
            found.push(text.clone());
            true
        }
        (scalar, None) => {
            found.push(scalar.to_string());
            true
        }
    }
}

/// Words between blanks; quotation marks anywhere in a word keep its blanks and are dropped.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(text: &str) -> Vec<String> {
        let records = [
            json!({"type": "flow", "name": "app.salestim.io", "server": {"port": 443},
                   "tls": {"cert": {"issuer": "CN=Lab CA, O=Lab"}}, "quality": ["gap", "cut"],
                   "evidence": {"via": ["a.example", "b.example"]},
                   "flags": [{"flag": "port", "how": "silent"}, {"flag": "broad"}]}),
            json!({"type": "flow", "server": {"port": 80}, "flags": [], "quality": ["complete"]}),
        ];
        let expectation = Expectation::parse(text).expect("the expectation is well formed");
        expectation.complaints(&records)
    }

    #[test]
    fn what_is_there_is_found() {
        for line in [
            "2 flow",
            "1 flow name=app.salestim.io server.port=443",
            "1 flow name=- flags= quality=complete",
            "1 flow flags=broad,port quality=cut,gap # in any order",
            "1 flow flags~port flags!tls-version flags.how=silent",
            "1 flow tls.cert.issuer~\"Lab CA\" evidence.via=a.example,b.example",
            "+ flow server=*",
            "no name",
        ] {
            assert_eq!(complaints(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn what_differs_is_told() {
        for line in [
            "1 flow",
            "no flow name=*",
            "+ name",
            "1 flow name=app.salestim.io flags=port",
            "1 flow name=app.salestim.io flags=",
            "1 flow name=app.salestim.io flags!port",
            "1 flow evidence.via=b.example,a.example",
            "1 flow tls.cert.issuer~Zscaler",
            "1 flow server.port=44",
        ] {
            assert_eq!(complaints(line).len(), 1, "{line}");
        }
        let told = complaints("1 flow name=app.salestim.io server.port=8443").concat();
        assert!(told.contains("server.port is 443"), "{told}");
    }

    #[test]
    fn a_line_that_makes_no_sense_is_an_error() {
        for line in ["several flow", "1", "1 flow name", "exit soon", "1 flow name=\"a"] {
            assert!(Expectation::parse(line).is_err(), "{line}");
        }
    }
}
