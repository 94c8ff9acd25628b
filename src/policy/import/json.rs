//! A reader of JSON (RFC 8259) for lists that others wrote: every value knows its place, and everything has a bound.
//!
//! A general library would read as much, but would not tell where a value stands that turns out to be wrong later.

use crate::policy::load::{Mistake, PolicyError, Sort, nearest, quoted};

/// Azure's whole list has about 4 MB.
pub const TEXT_AT_MOST: usize = 32 << 20;
/// Lists and objects in each other; the vendors' lists have 5.
const DEPTH_AT_MOST: usize = 16;
const VALUES_AT_MOST: usize = 1 << 20;
/// Keys are looked through one after the other.
const KEYS_AT_MOST: usize = 64;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: u32,
    column: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Truth(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// One file, for its name in errors.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub origin: &'a str,
}

impl Document<'_> {
    pub fn error(&self, node: &Node, what: impl Into<String>) -> PolicyError {
        self.mistake(node, Mistake::new(what))
    }

    pub fn mistake(&self, node: &Node, mistake: Mistake) -> PolicyError {
        PolicyError {
            origin: self.origin.to_owned(),
            line: node.place.line,
            column: node.place.column,
            what: mistake.what,
            suggestion: mistake.suggestion,
            sort: mistake.sort,
        }
    }

    pub fn text<'n>(&self, node: &'n Node) -> Result<&'n str, PolicyError> {
        match &node.value {
            Value::Text(text) => Ok(text),
            other => Err(self.error(node, format!("a text is wanted here, not {}", other.kind()))),
        }
    }

    pub fn truth(&self, node: &Node) -> Result<bool, PolicyError> {
        match node.value {
            Value::Truth(truth) => Ok(truth),
            ref other => Err(self.error(node, format!("true or false is wanted here, not {}", other.kind()))),
        }
    }

    /// A whole number from 0.
    pub fn number(&self, node: &Node) -> Result<u32, PolicyError> {
        let whole = match &node.value {
            Value::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        whole.ok_or_else(|| self.error(node, format!("a whole number from 0 to {} is wanted here", u32::MAX)))
    }

    pub fn list<'n>(&self, node: &'n Node) -> Result<&'n [Node], PolicyError> {
        match &node.value {
            Value::List(list) => Ok(list),
            other => Err(self.error(node, format!("a list is wanted here, not {}", other.kind()))),
        }
    }

    pub fn object<'n>(&self, node: &'n Node) -> Result<&'n [(String, Node)], PolicyError> {
        match &node.value {
            Value::Object(fields) => Ok(fields),
            other => Err(self.error(node, format!("an object is wanted here, not {}", other.kind()))),
        }
    }

    /// A field that must be there.
    pub fn field<'n>(&self, node: &'n Node, key: &str) -> Result<&'n Node, PolicyError> {
        let fields = self.object(node)?;
        fields
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, node)| node)
            .ok_or_else(|| {
                let mistake = Mistake::new(format!("this object has no {}", quoted(key)));
                let near = nearest(key, fields.iter().map(|(known, _)| known.as_str()));
                let near = near.map(|near| format!("{} for {}", quoted(key), quoted(near)));
                self.mistake(node, near.map_or(mistake.clone(), |near| mistake.suggest(near)))
            })
    }
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Truth(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// Reads a whole file.
pub fn read(text: &str, origin: &str) -> Result<Node, PolicyError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        origin,
        bytes: text.as_bytes(),
        at: 0,
        line: 1,
        line_start: 0,
        values: 0,
    };
    if text.len() > TEXT_AT_MOST {
        return Err(reader.wrong(format!("the file has {} bytes; {TEXT_AT_MOST} is the most", text.len())));
    }
    let node = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.wrong("not JSON: something follows the end")),
    }
}

struct Reader<'t> {
    origin: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: u32,
    line_start: usize,
    values: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Takes this byte if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
            if self.bytes.get(self.at - 1) == Some(&b'\n') {
                self.line += 1;
                self.line_start = self.at;
            }
        }
    }

    fn place(&self) -> Place {
        Place {
            line: self.line,
            column: (self.at - self.line_start + 1) as u32,
        }
    }

    fn wrong(&self, what: impl Into<String>) -> PolicyError {
        let Place { line, column } = self.place();
        PolicyError {
            origin: self.origin.to_owned(),
            line,
            column,
            what: what.into(),
            suggestion: None,
            sort: Sort::Invalid,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, PolicyError> {
        self.skip_space();
        let place = self.place();
        self.values += 1;
        if self.values > VALUES_AT_MOST {
            return Err(self.wrong(format!("more than {VALUES_AT_MOST} values")));
        }
        if depth > DEPTH_AT_MOST {
            return Err(self.wrong(format!(
                "lists and objects stand in each other more than {DEPTH_AT_MOST} deep"
            )));
        }
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.text()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            Some(_) => return Err(self.wrong("not JSON: no value begins like this")),
            None => return Err(self.wrong("not JSON: the file ends where a value should be; fetch it again")),
        };
        Ok(Node { value, place })
    }

    fn list(&mut self, depth: usize) -> Result<Value, PolicyError> {
        let mut list = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            list.push(self.value(depth + 1)?);
            self.skip_space();
            match () {
                () if self.take(b',') => {}
                () if self.take(b']') => return Ok(Value::List(list)),
                () => return Err(self.wrong("not JSON: `,` or `]` is wanted here")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, PolicyError> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("not JSON: a key in quotes is wanted here"));
            }
            let key = self.text()?;
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(self.wrong(format!("the key {} stands in this object twice", quoted(&key))));
            }
            if fields.len() >= KEYS_AT_MOST {
                return Err(self.wrong(format!("an object with more than {KEYS_AT_MOST} keys")));
            }
            self.skip_space();
            if !self.take(b':') {
                return Err(self.wrong("not JSON: `:` is wanted here"));
            }
            fields.push((key, self.value(depth + 1)?));
            self.skip_space();
            match () {
                () if self.take(b',') => {}
                () if self.take(b'}') => return Ok(Value::Object(fields)),
                () => return Err(self.wrong("not JSON: `,` or `}` is wanted here")),
            }
        }
    }

    fn word(&mut self) -> Result<Value, PolicyError> {
        for (word, value) in [
            ("true", Value::Truth(true)),
            ("false", Value::Truth(false)),
            ("null", Value::Null),
        ] {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong("not JSON: of words there are only true, false and null"))
    }

    /// RFC 8259, section 6: no leading zeros, digits on both sides of the point.
    fn number(&mut self) -> Result<Value, PolicyError> {
        let start = self.at;
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        let mut fits = whole > 0 && !(leading_zero && whole > 1);
        if self.take(b'.') {
            fits &= self.digits() > 0;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            fits &= self.digits() > 0;
        }
        let written = self.bytes.get(start..self.at).unwrap_or_default();
        match fits {
            true => Ok(Value::Number(String::from_utf8_lossy(written).into_owned())),
            false => Err(self.wrong("not JSON: a number ends too early or begins with 0")),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    /// The text was UTF-8 as a whole, and is cut only at quotes and backslashes, so its pieces are UTF-8 too.
    fn text(&mut self) -> Result<String, PolicyError> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b >= b' ' && b != b'"' && b != b'\\') {
                self.at += 1;
            }
            out.extend_from_slice(self.bytes.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => return Err(self.wrong("not JSON: a control character stands in a text")),
                None => return Err(self.wrong("not JSON: the file ends inside a text; fetch it again")),
            }
        }
        self.at += 1;
        String::from_utf8(out).map_err(|_| self.wrong("not JSON: a text is not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, PolicyError> {
        let code = self.peek();
        self.at += 1;
        Ok(match code {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode()?,
            _ => return Err(self.wrong("not JSON: no escape begins like this")),
        })
    }

    /// Characters beyond the first 65,536 are two units (RFC 8259, section 7).
    fn unicode(&mut self) -> Result<char, PolicyError> {
        let first = self.unit()?;
        let second = match (0xd800..0xdc00).contains(&first) {
            true if self.take(b'\\') && self.take(b'u') => Some(self.unit()?),
            true => return Err(self.wrong("not JSON: half of a character")),
            false => None,
        };
        let units = std::iter::once(first).chain(second);
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => Err(self.wrong("not JSON: half of a character")),
        }
    }

    fn unit(&mut self) -> Result<u16, PolicyError> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let is_hex = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
        let unit = str::from_utf8(digits).ok().filter(|_| is_hex);
        let unit = unit.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| self.wrong("not JSON: four hexadecimal digits are wanted behind \\u"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn fails(text: &str) -> String {
        read(text, "f").unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, told) in [
            (
                "",
                "f:1:1: not JSON: the file ends where a value should be; fetch it again",
            ),
            ("{\n  \"a\": 1\n  \"b\"", "f:3:3: not JSON: `,` or `}` is wanted here"),
            ("[1,]", "f:1:4: not JSON: no value begins like this"),
            ("[1] x", "f:1:5: not JSON: something follows the end"),
            ("{\"a\":1,\"a\":2}", "f:1:11: the key `a` stands in this object twice"),
            ("\"\\ud800\"", "f:1:8: not JSON: half of a character"),
            ("nul", "f:1:1: not JSON: of words there are only true, false and null"),
            ("<html>", "f:1:1: not JSON: no value begins like this"),
        ] {
            assert_eq!(fails(text), told, "{text}");
        }
    }

    #[test]
    fn bounds_hold() {
        assert!(fails(&"[".repeat(1_000_000)).contains("deep"));
        assert!(fails(&" ".repeat(TEXT_AT_MOST + 1)).contains("bytes"));
        assert!(fails(&format!("[{}0]", "0,".repeat(VALUES_AT_MOST))).contains("values"));
        let keys: Vec<String> = (0..100).map(|i| format!("\"{i}\":0")).collect();
        assert!(fails(&format!("{{{}}}", keys.join(","))).contains("keys"));
    }

    fn same(ours: &Node, theirs: &serde_json::Value) -> bool {
        match (&ours.value, theirs) {
            (Value::Null, serde_json::Value::Null) => true,
            (Value::Truth(a), serde_json::Value::Bool(b)) => a == b,
            (Value::Number(a), serde_json::Value::Number(b)) => a.parse::<f64>().ok() == b.as_f64(),
            (Value::Text(a), serde_json::Value::String(b)) => a == b,
            (Value::List(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Object(a), serde_json::Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    proptest! {
        /// serde_json is the oracle: what both read is the same, and what it refuses we refuse.
        #[test]
        fn reads_what_others_read(text in "[\\[\\]{}:,0-9.eE\\-\"a-c\\\\u ntrue\n]{0,24}|\\PC{0,12}|\"(\\\\u[0-9a-f]{4}|\\\\[\"\\\\/bfnrt]|\\PC){0,6}\"") {
            let ours = read(&text, "f");
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(theirs) => match ours {
                    Ok(ours) => prop_assert!(same(&ours, &theirs), "{}", text),
                    // They take the last of two keys, and no number beyond what they can hold.
                    Err(error) => prop_assert!(error.what.contains("twice"), "{} {}", text, error),
                },
                Err(error) => prop_assert!(ours.is_err() || error.to_string().contains("out of range"), "{} {}", text, error),
            }
        }
    }
}
