//! Whether a live run is shown row by row, or on a dashboard.

use super::Surroundings;
use crate::cli::args::{Colour, Common};
use crate::cli::output::Destination;

/// What a run shows on the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Showing {
    Rows,
    /// Rows, though a dashboard was to be expected: a line that says why.
    RowsSince(String),
    /// If results go into a file, they do so beside it.
    Dashboard {
        colour: bool,
        unicode: bool,
    },
}

/// What more there is to know of the terminal that results go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Screen {
    /// Columns and lines, where they are known.
    pub size: Option<(usize, usize)>,
    /// It can only write line by line.
    pub is_dumb: bool,
    /// It writes UTF-8.
    pub unicode: bool,
}

/// Below this a dashboard cannot be read.
const LEAST: (usize, usize) = (60, 16);

impl Showing {
    /// A dashboard where standard output is a terminal and nothing else was asked to be written there.
    pub fn of_live(common: &Common, around: &Surroundings) -> Showing {
        let to_file = Destination::new(common.output.clone()) != Destination::Stdout;
        if !around.stdout_terminal || common.format.is_some() && !to_file || !cfg!(feature = "live") {
            return Showing::Rows;
        }
        if around.screen.is_dumb {
            return Showing::RowsSince("TERM says that this terminal cannot show a dashboard: a table instead".into());
        }
        if let Some((columns, lines)) = around.screen.size
            && (columns < LEAST.0 || lines < LEAST.1)
        {
            return Showing::RowsSince(format!(
                "the terminal is too small for a dashboard ({columns}x{lines}, it takes {}x{}): a table instead",
                LEAST.0, LEAST.1
            ));
        }
        Showing::Dashboard {
            colour: match common.color {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => !around.no_colour,
            },
            unicode: around.screen.unicode,
        }
    }

    pub fn is_dashboard(&self) -> bool {
        matches!(self, Showing::Dashboard { .. })
    }
}

impl Screen {
    /// This process's.
    pub fn real() -> Screen {
        let word = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        // POSIX: the first of them that is set decides.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(word);
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        let size = terminal_size::terminal_size_of(std::io::stdout());
        Screen {
            size: size.map(|(columns, lines)| (columns.0.into(), lines.0.into())),
            is_dumb: word("TERM").is_none_or(|term| term == "dumb"),
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }
}

#[cfg(all(test, feature = "live"))]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::Args;
    use crate::cli::plan::Plan;

    const SCREEN: Screen = Screen {
        size: Some((80, 24)),
        is_dumb: false,
        unicode: true,
    };

    fn showing(words: &str, stdout_terminal: bool, no_colour: bool, screen: Screen) -> Showing {
        let around = Surroundings {
            stdin_terminal: true,
            stdout_terminal,
            stderr_terminal: true,
            columns: Some(80),
            no_colour,
            screen,
            processors: 1,
        };
        let words = ["flowsift"].into_iter().chain(words.split(' '));
        Plan::new(Args::try_parse_from(words).unwrap(), &around)
            .unwrap()
            .showing
    }

    #[test]
    fn a_terminal_gets_a_dashboard_unless_something_else_is_asked_for() {
        let dashboard = |colour| Showing::Dashboard { colour, unicode: true };
        for words in [
            "live -i a",
            "live --follow b",
            "live -i a -o rows.jsonl",
            "live -i a -o rows.txt --format table",
        ] {
            assert_eq!(showing(words, true, false, SCREEN), dashboard(true), "{words}");
            assert_eq!(showing(words, false, false, SCREEN), Showing::Rows, "{words}");
        }
        for words in [
            "live -i a --format table",
            "live -i a --format json",
            "read a",
            "read --follow a",
            "check -i a",
        ] {
            assert_eq!(showing(words, true, false, SCREEN), Showing::Rows, "{words}");
        }
        assert_eq!(showing("live -i a", true, true, SCREEN), dashboard(false));
        assert_eq!(
            showing("live -i a --color never", true, false, SCREEN),
            dashboard(false)
        );
        assert_eq!(showing("live -i a --color always", true, true, SCREEN), dashboard(true));
    }

    #[test]
    fn where_it_cannot_be_shown_a_line_says_so() {
        let refused = |screen| match showing("live -i a", true, false, screen) {
            Showing::RowsSince(line) => line,
            other => panic!("{other:?}"),
        };
        assert!(
            refused(Screen {
                is_dumb: true,
                ..SCREEN
            })
            .contains("TERM")
        );
        let small = |size| {
            refused(Screen {
                size: Some(size),
                ..SCREEN
            })
        };
        assert!(small((40, 10)).contains("40x10"));
        assert!(small((59, 50)).contains("60x16") && small((200, 15)).contains("200x15"));
        let unknown = Screen { size: None, ..SCREEN };
        assert!(showing("live -i a", true, false, unknown).is_dashboard());
    }
}
