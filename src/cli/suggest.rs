//! "Did you mean": the word nearest to one that nobody knows.

/// `; did you mean `x`?` where a known word is near, else the words there are.
pub fn hint<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(typed, &known) {
        Some(word) => format!("; did you mean `{word}`?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// The nearest word, if a third of it or less would have to be changed; of equals the first.
fn nearest<'a>(typed: &str, known: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('_', "-");
    // A longer one than any word is no misspelling, and comparing costs the product of the lengths.
    let longest = known.iter().map(|word| word.len()).max()?;
    if typed.len() > 2 * longest {
        return None;
    }
    known
        .iter()
        .map(|word| (distance(&typed, word), *word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many characters must be put in, taken out or changed to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // `row[j]`: the distance of what was read of `a` to the first `j` characters of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_known_ones() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn the_nearest_word_is_offered_or_all_of_them() {
        let known = ["port", "tls-version", "blocked"];
        assert_eq!(hint("TLS_versions", known), "; did you mean `tls-version`?");
        assert_eq!(hint("blokced", known), "; did you mean `blocked`?");
        assert_eq!(hint("cheese", known), "; there are port, tls-version, blocked");
        assert_eq!(hint(&"x".repeat(100_000), ["port"]), "; there are port");
    }
}
