//! Sets that stay small, and how numbers are written on the page.

use std::collections::BTreeSet;

/// The smallest `N` of what was put in.
#[derive(Debug, Clone)]
pub struct Few<T: Ord, const N: usize> {
    pub items: BTreeSet<T>,
    /// There are others.
    pub more: bool,
}

impl<T: Ord, const N: usize> Default for Few<T, N> {
    fn default() -> Few<T, N> {
        Few {
            items: BTreeSet::new(),
            more: false,
        }
    }
}

impl<T: Ord, const N: usize> Few<T, N> {
    pub fn add(&mut self, item: T) {
        self.items.insert(item);
        if self.items.len() > N {
            self.items.pop_last();
            self.more = true;
        }
    }

    /// How many there are, as far as was counted: `7`, `100+`.
    pub fn count(&self) -> String {
        let more = if self.more { "+" } else { "" };
        format!("{}{more}", grouped(self.items.len() as u64))
    }
}

/// `75,233`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 flow`, `75,233 flows`.
pub fn counted(number: u64, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sets_stay_small() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "flow"), "1 flow");
        let mut few = Few::<u32, 2>::default();
        [3, 1, 2].into_iter().for_each(|item| few.add(item));
        assert_eq!(
            (few.count(), few.items.into_iter().collect()),
            ("2+".to_owned(), vec![1, 2])
        );
    }
}
