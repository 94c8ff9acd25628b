//! A script's text as statements of words.
//!
//! One statement a line; a line that begins with a blank continues the statement before. `#` begins a
//! comment. Words stand between blanks; `"double quotes"` keep blanks inside a word.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// One statement: a verb and its words, taken from the front.
pub struct Statement {
    /// Line of the verb, from 1.
    pub line: usize,
    pub verb: String,
    words: std::collections::VecDeque<String>,
}

impl Statement {
    /// The next word, if any is left.
    pub fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// Gives back a word that was taken too early.
    pub fn put_back(&mut self, word: String) {
        self.words.push_front(word);
    }

    /// Takes the next word if it is `word`.
    pub fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.front().is_some_and(|next| next == word);
        if is_next {
            self.words.pop_front();
        }
        is_next
    }

    /// The next word, which must be there.
    pub fn word(&mut self, what: &str) -> Result<String, String> {
        self.next().ok_or_else(|| format!("`{}` lacks {what}", self.verb))
    }

    /// The next word, read as a `T`.
    pub fn value<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("`{word}` is not {what}"))
    }

    pub fn address(&mut self) -> Result<IpAddr, String> {
        self.value("an address")
    }

    pub fn socket(&mut self) -> Result<SocketAddr, String> {
        self.value("an ADDRESS:PORT")
    }

    /// Values between commas in one word.
    pub fn list<T: FromStr>(&mut self, what: &str) -> Result<Vec<T>, String> {
        let word = self.word(what)?;
        word.split(',')
            .map(|item| item.parse().map_err(|_| format!("`{item}` is not {what}")))
            .collect()
    }

    /// A span of time such as `250us`, `40ms` or `2s`, in nanoseconds.
    pub fn duration(&mut self) -> Result<u64, String> {
        let word = self.word("a duration")?;
        let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &word[digits.len()..] {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            _ => return Err(format!("`{word}` is not a duration (250us, 40ms, 2s)")),
        };
        digits
            .parse::<u64>()
            .map(|count| count * unit)
            .map_err(|_| format!("`{word}` is not a duration (250us, 40ms, 2s)"))
    }

    /// The complaint about a word that no rule of this verb takes.
    pub fn unexpected<T>(&self, word: &str) -> Result<T, String> {
        Err(format!("`{}` does not take `{word}`", self.verb))
    }

    /// Complains if words are left.
    pub fn end(&mut self) -> Result<(), String> {
        match self.next() {
            None => Ok(()),
            Some(word) => self.unexpected(&word),
        }
    }
}

/// A name's bytes: `\DDD` stands for the byte of that decimal number, as records write it.
pub fn bytes_of_name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let number = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match number.and_then(|digits| digits.parse::<u8>().ok()) {
            Some(byte) if first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// The statements of a script, or `LINE: what is wrong`.
pub fn statements(text: &str) -> Result<Vec<Statement>, String> {
    let mut statements: Vec<Statement> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let continues = line.starts_with([' ', '\t']);
        let mut words = words(line).map_err(|why| format!("{}: {why}", index + 1))?;
        if continues {
            match statements.last_mut() {
                Some(statement) => statement.words.append(&mut words),
                None if words.is_empty() => {}
                None => return Err(format!("{}: nothing to continue", index + 1)),
            }
        } else if let Some(verb) = words.pop_front() {
            statements.push(Statement {
                line: index + 1,
                verb,
                words,
            });
        }
    }
    Ok(statements)
}

fn words(line: &str) -> Result<std::collections::VecDeque<String>, String> {
    let mut words = std::collections::VecDeque::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quotation mark is not closed")?,
            None => rest.split_once(|c: char| c.is_whitespace()).unwrap_or((rest, "")),
        };
        words.push_back(word.to_string());
        rest = after.trim_start();
    }
    Ok(words)
}
