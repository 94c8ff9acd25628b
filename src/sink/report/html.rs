//! The one place where text becomes HTML.
//!
//! ```text
//!  a name, a sentence, a number --text, an attribute--> cleaned, escaped --> the page
//!  our own style and script, rows as JSON --style, script, data--> as they are, `</` impossible
//! ```
//!
//! Tags and attributes are words of this program (`&'static str`), so nothing foreign can be one; every value is escaped, and
//! characters that turn or hide other text are written out. Elements are closed by the function that opened them, so the page is balanced.
//! No element takes a style or a handler: the page's own policy would refuse it.

use std::fmt::{self, Display, Write};

use sha2::{Digest, Sha256};

use crate::sink::text::clean;

/// A name and its value.
pub type Attribute<'a> = (&'static str, &'a dyn Display);

/// A page being written.
#[derive(Debug, Default)]
pub struct Html {
    out: String,
}

impl Html {
    /// Text between tags.
    pub fn text(&mut self, text: impl Display) {
        // Writing into a `String` cannot fail.
        let _ = write!(Escaping(&mut self.out), "{text}");
    }

    /// An element and what is in it.
    pub fn element(&mut self, tag: &'static str, attributes: &[Attribute<'_>], content: impl FnOnce(&mut Html)) {
        self.open(tag, attributes);
        self.out.push('>');
        content(self);
        self.close(tag);
    }

    /// An element with text alone in it.
    pub fn leaf(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: impl Display) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// An element that has nothing in it and never can: `<meta/>`, `<path/>`.
    pub fn empty(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.open(tag, attributes);
        self.out.push_str("/>");
    }

    /// A line's end, for who reads the source.
    pub fn line(&mut self) {
        self.out.push('\n');
    }

    /// Our own style sheet.
    pub fn style(&mut self, style: &str) {
        self.block("style", &[], style);
    }

    /// Our own script.
    pub fn script(&mut self, script: &str) {
        self.block("script", &[], script);
    }

    /// JSON that the script reads. It is no script: the browser never runs this type.
    pub fn data(&mut self, id: &'static str, json: &[u8]) {
        let json = String::from_utf8_lossy(json);
        let mut safe = String::with_capacity(json.len() + json.len() / 64);
        for c in json.chars() {
            match c {
                // Within JSON these stand in strings alone, where an escape means the same.
                '<' => safe.push_str("\\u003c"),
                '>' => safe.push_str("\\u003e"),
                '&' => safe.push_str("\\u0026"),
                '\u{2028}' => safe.push_str("\\u2028"),
                '\u{2029}' => safe.push_str("\\u2029"),
                c => safe.push(c),
            }
        }
        self.block("script", &[("type", &"application/json"), ("id", &id)], &safe);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    pub fn doctype(&mut self) {
        self.out.push_str("<!doctype html>\n");
    }

    fn block(&mut self, tag: &'static str, attributes: &[Attribute<'_>], body: &str) {
        debug_assert!(!body.contains("</"), "it would end the element");
        self.open(tag, attributes);
        self.out.push('>');
        self.out.push_str(body);
        self.close(tag);
        self.line();
    }

    fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            debug_assert!(*name != "style" && !name.starts_with("on"), "{name}");
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            let _ = write!(Escaping(&mut self.out), "{value}");
            self.out.push('"');
        }
    }

    fn close(&mut self, tag: &'static str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }
}

/// What is written through it is only ever text.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in clean(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// What a page may do: run this style and this script, and nothing else. No network, no other frame's base, no form.
pub fn policy(style: &str, script: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        digest(style),
        digest(script)
    )
}

fn digest(text: &str) -> String {
    base64(&Sha256::digest(text.as_bytes()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4usize {
            let digit = (bits >> (18 - 6 * place)) as usize & 63;
            text.push(match place <= group.len() {
                true => DIGITS.get(digit).copied().unwrap_or(b'A').into(),
                false => '=',
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(content: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        content(&mut html);
        html.out
    }

    #[test]
    fn nothing_foreign_is_markup() {
        let hostile = "</td><script>alert('1')</script>\"&\u{202e}\0";
        let shown = "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\\u{202e}\\u{0}";
        assert_eq!(
            written(|html| html.leaf("td", &[("title", &hostile)], hostile)),
            format!("<td title=\"{shown}\">{shown}</td>")
        );
        assert_eq!(
            written(|html| html.data("d", "[\"</script><!--\u{2028}\"]".as_bytes())),
            "<script type=\"application/json\" id=\"d\">[\"\\u003c/script\\u003e\\u003c!--\\u2028\"]</script>\n"
        );
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        // `printf 'a' | openssl dgst -sha256 -binary | base64`
        assert_eq!(digest("a"), "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=");
    }

    proptest! {
        #[test]
        fn any_text_stays_text(text in any::<String>()) {
            let page = written(|html| html.leaf("p", &[("title", &text)], &text));
            let inner = page.strip_prefix("<p title=\"").and_then(|rest| rest.strip_suffix("</p>")).unwrap();
            prop_assert_eq!(inner.matches(['<', '>']).count(), 1);
            prop_assert_eq!(inner.matches('"').count(), 1);
            prop_assert!(!page.chars().any(char::is_control));
        }

        #[test]
        fn data_never_ends_early_and_stays_what_it_was(text in any::<String>()) {
            let json = serde_json::to_vec(&text).unwrap();
            let page = written(|html| html.data("d", &json));
            let inner = page.split_once('>').unwrap().1.strip_suffix("</script>\n").unwrap();
            prop_assert!(!inner.contains('<'));
            prop_assert_eq!(serde_json::from_str::<String>(inner).unwrap(), text);
        }
    }
}
