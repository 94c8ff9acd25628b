//! Where things stand in the files that a policy is made of, for those who tell its author about them.

/// A place in one of a policy's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Which file: a number for [`Places::origin`].
    pub origin: u16,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// The places of a policy's rows, row by row.
#[derive(Debug, Default)]
pub struct Places {
    pub(super) origins: Vec<String>,
    pub(super) rows: Vec<RowPlaces>,
    /// Where `[policy]` stands, in the file that was asked for.
    pub(super) header: Option<Place>,
}

/// The places of one row.
#[derive(Debug, Clone, Default)]
pub struct RowPlaces {
    pub at: Place,
    /// Where the row of the same id stands whose place this one takes.
    pub replaces: Option<Place>,
    pub(super) marks: Vec<Mark>,
}

/// One key of a row, or one item of its list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub key: &'static str,
    /// None: the key's value itself.
    pub index: Option<u32>,
    pub line: u32,
    pub column: u32,
}

impl Places {
    /// What errors call that file: the path or name as written.
    pub fn origin(&self, place: Place) -> &str {
        self.origins.get(usize::from(place.origin)).map_or("", |name| name)
    }

    /// What all of the files are called, the one that was asked for first; built-in policies among them.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(String::as_str)
    }

    /// The row of that number.
    pub fn row(&self, number: usize) -> Option<&RowPlaces> {
        self.rows.get(number)
    }

    /// Whether the place is in the file that was asked for, not in one that it extends.
    pub fn is_own(&self, place: Place) -> bool {
        place.origin == 0
    }

    /// Where the policy speaks of itself; its first line if it does not.
    pub fn header(&self) -> Place {
        self.header.unwrap_or(Place {
            origin: 0,
            line: 1,
            column: 1,
        })
    }
}

impl RowPlaces {
    /// Of what was marked in the file's order. Lists are long, so places are searched for, not walked to.
    pub(super) fn new(at: Place, mut marks: Vec<Mark>) -> RowPlaces {
        marks.sort_by_key(|mark| (mark.key, mark.index));
        RowPlaces {
            at,
            replaces: None,
            marks,
        }
    }

    /// The value of `key`; the row's own place if it has none.
    pub fn key(&self, key: &str) -> Place {
        self.find(key, None)
    }

    /// An item of the list under `key`.
    pub fn item(&self, key: &str, index: usize) -> Place {
        self.find(key, Some(index as u32))
    }

    fn find(&self, key: &str, index: Option<u32>) -> Place {
        let found = self
            .marks
            .binary_search_by_key(&(key, index), |mark| (mark.key, mark.index));
        match found.ok().and_then(|at| self.marks.get(at)) {
            Some(mark) => Place {
                line: mark.line,
                column: mark.column,
                ..self.at
            },
            None => self.at,
        }
    }
}
