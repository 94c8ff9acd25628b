//! How foreign text is spelled in Markdown, so that it stays text.

use super::text;

/// Text that Markdown shows as it is, on one line: no emphasis, link, tag or cell is made of it (CommonMark, section 2.4). Some readers
/// make links of addresses without any markup; so what begins one is behind a backslash too.
pub fn escaped(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len() + 16);
    let mut before = ' ';
    for c in text::clean(raw).chars() {
        let is_markup = matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '!' | '~' | '@' | '$'
        );
        // `http://`, `www.`
        let begins_link = c == '/' && matches!(before, ':' | '/') || c == '.' && before == 'w';
        match c {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            c if is_markup || begins_link => shown.extend(['\\', c]),
            c => shown.push(c),
        }
        before = c.to_ascii_lowercase();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_foreign_is_markup() {
        assert_eq!(escaped("*.a_b.example"), "\\*.a\\_b.example");
        assert_eq!(escaped("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(escaped("www.example https://x"), "www\\.example https:\\/\\/x");
        assert_eq!(escaped("a\nb | c"), "a\\\\u\\{a\\}b \\| c");
    }
}
