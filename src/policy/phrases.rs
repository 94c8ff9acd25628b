//! Lists and counts as people write them: in reasons, comments, tables alike.

use std::fmt::Display;

/// `a`, `a and b`, `a, b and c`; of more than `most` those, and how many there are beyond: `a, b and 7 more`.
pub fn list<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let (mut words, beyond) = first(items, most);
    let last = match beyond {
        0 => words.pop().unwrap_or_default(),
        n => format!("{n} more"),
    };
    match words.is_empty() {
        true => last,
        false => format!("{} and {last}", words.join(", ")),
    }
}

/// `a, b, c`; of more than `most` those, and how many there are beyond: `a, b and 7 more`.
pub fn few<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> String {
    let (words, beyond) = first(items, most);
    match beyond {
        0 => words.join(", "),
        _ => format!("{} and {beyond} more", words.join(", ")),
    }
}

/// `1 packet`, `2 packets`.
pub fn count(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

/// So many of them, and how many there are beyond; those are not written out.
fn first<T: Display>(items: impl IntoIterator<Item = T>, most: usize) -> (Vec<String>, usize) {
    let mut items = items.into_iter();
    let words = items.by_ref().take(most).map(|item| item.to_string()).collect();
    (words, items.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(list(["a"], 4), "a");
        assert_eq!(list(["a", "b"], 4), "a and b");
        assert_eq!(list(["a", "b", "c", "d"], 4), "a, b, c and d");
        assert_eq!(list(["a", "b", "c", "d", "e", "f"], 4), "a, b, c, d and 2 more");
        assert_eq!(list::<&str>([], 4), "");
        assert_eq!(few([1, 2, 3], 3), "1, 2, 3");
        assert_eq!(few([1, 2, 3, 4, 5], 3), "1, 2, 3 and 2 more");
        assert_eq!(few::<u8>([], 3), "");
        assert_eq!(count(1, "packet") + &count(2, "byte"), "1 packet2 bytes");
    }
}
