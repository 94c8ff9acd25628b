//! TOML values with their places: typed readers that know where they stand, so that every error has a line and a column.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::places::Mark;
use super::report::{Mistake, PolicyError, Warning, nearest, position, quoted};
use super::scalar::Reading;
use crate::policy::model::Date;

pub type Value<'i> = Spanned<DeValue<'i>>;
pub type Key<'i> = Spanned<DeString<'i>>;

/// One policy file while it is being read.
#[derive(Debug)]
pub struct Document<'a> {
    pub origin: &'a str,
    pub text: &'a str,
    pub warnings: &'a mut Vec<Warning>,
    /// Where the reading goes on after a mistake: the mistakes. None: the first one ends it.
    pub faults: Option<Vec<PolicyError>>,
    /// The places of what was read since they were last taken.
    pub marks: Vec<Mark>,
    /// The place that was asked for last.
    pub cursor: Cursor,
}

/// A byte offset with its line and column. Places are asked for nearly in the file's order, so that going on from the last one
/// walks the text once in all, however long its lines are.
#[derive(Debug, Clone, Copy)]
pub struct Cursor {
    offset: usize,
    line: u32,
    column: u32,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor {
            offset: 0,
            line: 1,
            column: 1,
        }
    }
}

/// Text in a policy longer than this is a mistake.
const TEXT_AT_MOST: usize = 4096;
/// More values than this in one list are a mistake.
const LIST_AT_MOST: usize = 65_535;
/// Warnings beyond this are not kept: nobody reads them.
const WARNINGS_AT_MOST: usize = 1000;
const FAULTS_AT_MOST: usize = 1000;

impl Document<'_> {
    /// An error at a byte offset.
    pub fn error(&self, offset: usize, mistake: Mistake) -> PolicyError {
        let (line, column) = position(self.text, offset);
        PolicyError {
            origin: self.origin.to_owned(),
            line,
            column,
            what: mistake.what,
            suggestion: mistake.suggestion,
            sort: mistake.sort,
        }
    }

    /// Line and column of a byte offset, as [`position`] tells them.
    pub fn place(&mut self, offset: usize) -> (u32, u32) {
        if offset < self.cursor.offset {
            self.cursor = Cursor::default();
        }
        let passed = self.text.get(self.cursor.offset..offset).unwrap_or("");
        let cursor = &mut self.cursor;
        let last_line = match passed.rfind('\n') {
            Some(end) => {
                cursor.line += passed.bytes().filter(|&b| b == b'\n').count() as u32;
                cursor.column = 1;
                passed.get(end + 1..).unwrap_or("")
            }
            None => passed,
        };
        cursor.column += last_line.chars().count() as u32;
        cursor.offset += passed.len();
        (cursor.line, cursor.column)
    }

    /// Remembers where something stands.
    pub fn mark(&mut self, key: &'static str, index: Option<usize>, offset: usize) {
        let (line, column) = self.place(offset);
        let index = index.map(|index| index as u32);
        self.marks.push(Mark {
            key,
            index,
            line,
            column,
        });
    }

    /// Goes on after a mistake, if that is what the reading is for.
    pub fn forgive(&mut self, error: PolicyError) -> Result<(), PolicyError> {
        match &mut self.faults {
            None => Err(error),
            // A file with so many mistakes is none of this language; what is beyond them tells nothing new.
            Some(faults) if faults.len() < FAULTS_AT_MOST => {
                faults.push(error);
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    pub fn error_at<T>(&self, place: &Spanned<T>, mistake: Mistake) -> PolicyError {
        self.error(place.span().start, mistake)
    }

    pub fn warn_at<T>(&mut self, place: &Spanned<T>, what: String) {
        if self.warnings.len() < WARNINGS_AT_MOST {
            let (line, column) = position(self.text, place.span().start);
            let origin = self.origin.to_owned();
            self.warnings.push(Warning {
                origin,
                line,
                column,
                what,
            });
        }
    }

    /// A key that nobody knows.
    pub fn unknown_key(&self, key: &Key, place: &str, known: &[&str]) -> PolicyError {
        let word = key.get_ref();
        let what = format!("unknown key {} in {place}", quoted(word));
        let mistake = match nearest(word, known.iter().copied()) {
            Some(near) => Mistake::new(what).suggest(format!("`{near}`")),
            None => Mistake::new(format!("{what}; it has {}", known.join(", "))),
        };
        self.error_at(key, mistake)
    }

    pub fn table<'v, 'i>(&self, value: &'v Value<'i>, what: &str) -> Result<&'v DeTable<'i>, PolicyError> {
        let wrong = || self.wrong_type(value, what);
        value.get_ref().as_table().ok_or_else(wrong)
    }

    /// Any text, on one line.
    pub fn string<'v>(&self, value: &'v Value) -> Result<&'v str, PolicyError> {
        let Some(text) = value.get_ref().as_str() else {
            let literal = self.text.get(value.span()).unwrap_or("");
            let plain = matches!(
                value.get_ref(),
                DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_)
            );
            let mistake = self.type_mistake(value, "text in quotes");
            let mistake = match plain {
                true => mistake.suggest(format!("\"{literal}\"")),
                false => mistake,
            };
            return Err(self.error_at(value, mistake));
        };
        if text.len() > TEXT_AT_MOST {
            let what = format!("a text of {} bytes is too long; {TEXT_AT_MOST} is the most", text.len());
            return Err(self.error_at(value, Mistake::new(what)));
        }
        Ok(text)
    }

    pub fn boolean(&self, value: &Value) -> Result<bool, PolicyError> {
        let wrong = || self.wrong_type(value, "true or false");
        value.get_ref().as_bool().ok_or_else(wrong)
    }

    /// A whole number from 1 to `most`.
    pub fn number(&self, value: &Value, most: u32) -> Result<u32, PolicyError> {
        let wanted = format!("a whole number from 1 to {most}");
        value
            .get_ref()
            .as_integer()
            .and_then(|n| u32::from_str_radix(n.as_str(), n.radix()).ok())
            .filter(|n| (1..=most).contains(n))
            .ok_or_else(|| match value.get_ref().as_integer() {
                Some(other) => {
                    let what = format!("{wanted} is wanted here, not {}", quoted(other.as_str()));
                    self.error_at(value, Mistake::new(what))
                }
                None => self.wrong_type(value, &wanted),
            })
    }

    /// A calendar day without a time.
    pub fn date(&self, value: &Value) -> Result<Date, PolicyError> {
        let wanted = "a date without quotes and time, such as 2026-01-31";
        let found = value.get_ref().as_datetime();
        if let Some((date, None)) = found.and_then(|found| Some((found.date?, found.time))) {
            return Ok(Date {
                year: date.year,
                month: date.month,
                day: date.day,
            });
        }
        let day = found
            .and_then(|found| found.date)
            .map(|date| date.to_string())
            .or_else(|| {
                let text = value.get_ref().as_str()?;
                let parsed: toml::value::Datetime = text.parse().ok()?;
                parsed.date.map(|date| date.to_string())
            });
        let mistake = self.type_mistake(value, wanted);
        Err(self.error_at(
            value,
            match day {
                Some(day) => mistake.suggest(day),
                None => mistake,
            },
        ))
    }

    /// A list; a bare value is a mistake with the brackets as its suggestion.
    pub fn list<'v, 'i>(&self, value: &'v Value<'i>) -> Result<&'v [Value<'i>], PolicyError> {
        let Some(list) = value.get_ref().as_array() else {
            let literal = self.text.get(value.span()).unwrap_or("");
            let mistake = self.type_mistake(value, "a list in brackets");
            let mistake = match value.get_ref().as_str() {
                Some(_) if literal.len() < 100 => mistake.suggest(format!("[{literal}]")),
                _ => mistake,
            };
            return Err(self.error_at(value, mistake));
        };
        if list.len() > LIST_AT_MOST {
            let what = format!("a list of {} is too long; {LIST_AT_MOST} is the most", list.len());
            return Err(self.error_at(value, Mistake::new(what)));
        }
        Ok(list)
    }

    /// A list of texts, each read by `read`; `key` is what it is called.
    pub fn list_of<T>(
        &mut self,
        key: &'static str,
        value: &Value,
        read: impl Fn(&str) -> Result<Reading<T>, Mistake>,
    ) -> Result<Vec<T>, PolicyError> {
        let mut out = Vec::new();
        for item in self.list(value)? {
            match self.item(item, &read) {
                Ok(read) => {
                    self.mark(key, Some(out.len()), item.span().start);
                    out.push(read);
                }
                Err(error) => self.forgive(error)?,
            }
        }
        Ok(out)
    }

    /// One text of a list.
    pub fn item<T>(
        &mut self,
        item: &Value,
        read: impl Fn(&str) -> Result<Reading<T>, Mistake>,
    ) -> Result<T, PolicyError> {
        let text = self.string(item)?;
        let reading = read(text).map_err(|mistake| self.error_at(item, mistake))?;
        if let Some(note) = reading.note {
            self.warn_at(item, note);
        }
        Ok(reading.value)
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(
        &self,
        value: &Value,
        choices: &[T],
        spelling: impl Fn(T) -> &'static str,
    ) -> Result<T, PolicyError> {
        let text = self.string(value)?;
        if let Some(found) = choices.iter().find(|&&choice| spelling(choice) == text) {
            return Ok(*found);
        }
        let words: Vec<&str> = choices.iter().map(|&choice| spelling(choice)).collect();
        let what = format!("{} is none of {}", quoted(text), words.join(", "));
        let mistake = match nearest(text, words.iter().copied()) {
            Some(near) => Mistake::new(what).suggest(format!("`{near}`")),
            None => Mistake::new(what),
        };
        Err(self.error_at(value, mistake))
    }

    pub fn wrong_type(&self, value: &Value, wanted: &str) -> PolicyError {
        self.error_at(value, self.type_mistake(value, wanted))
    }

    fn type_mistake(&self, value: &Value, wanted: &str) -> Mistake {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        Mistake::new(match wanted == found {
            true => format!("{wanted} is wanted here"),
            false => format!("{wanted} is wanted here, not {found}"),
        })
    }
}

/// A table's entries in the order in which the author wrote them, so that the first mistake is the one reported.
pub fn in_file_order<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(&'v Key<'i>, &'v Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
