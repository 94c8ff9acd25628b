//! What the commands about policies share: the form of the results, where they go, the policy that is meant.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args as Group;

use crate::cli::args::Colour;
use crate::cli::exit::Failure;
use crate::cli::output::Destination;
use crate::cli::plan::Surroundings;
use crate::cli::reading::Reading;
use crate::cli::suggest;
use crate::policy::builtin;
use crate::policy::model::Date;
use crate::sink::style::Style;

/// The forms in which results about a policy can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Table,
    Json,
    Markdown,
}

/// Where results go.
#[derive(Debug, Group)]
pub struct Output {
    /// Write here instead of to standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Whether to use colours; `auto` heeds NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto", alias = "colour")]
    pub color: Colour,
}

impl Output {
    /// The same of a command that reads captures too.
    pub fn of(reading: &Reading) -> Output {
        Output {
            output: reading.output.clone(),
            color: reading.color,
        }
    }
}

/// Results on their way out, all in memory: a policy is small, and bounded.
#[derive(Debug)]
pub struct Desk {
    pub form: Form,
    pub style: Style,
    /// Results go to a terminal.
    pub on_screen: bool,
    output: Destination,
}

const WIDTH_OF_A_FILE: usize = 120;
const WIDTH_OF_A_TERMINAL: usize = 80;

impl Desk {
    /// A table on a terminal, JSON Lines elsewhere, unless `form` was asked for.
    pub fn new(form: Option<Form>, output: Output, around: &Surroundings) -> Desk {
        let destination = Destination::new(output.output);
        let on_screen = around.stdout_terminal && destination == Destination::Stdout;
        let (usual, width) = match on_screen {
            true => (Form::Table, WIDTH_OF_A_TERMINAL),
            false => (Form::Json, WIDTH_OF_A_FILE),
        };
        Desk {
            form: form.unwrap_or(usual),
            style: Style {
                width: around.columns.unwrap_or(width),
                colour: match output.color {
                    Colour::Always => true,
                    Colour::Never => false,
                    Colour::Auto => on_screen && !around.no_colour,
                },
            },
            on_screen,
            output: destination,
        }
    }

    /// Writes it all. `inputs` are not to be written over. A reader that is gone has seen enough.
    pub fn deliver(&self, text: &[u8], inputs: &[PathBuf]) -> Result<(), Failure> {
        self.output.deliver(text, inputs)
    }
}

/// The policy typed behind the command, or with `--policy`; both is one too many.
pub fn the_policy(bare: Option<String>, option: Option<String>) -> Result<String, Failure> {
    match (bare, option) {
        (Some(a), Some(b)) if a != b => Err(Failure::new(format!("two policies, {a} and {b}: name one"))),
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => Ok(builtin::DEFAULT.to_owned()),
    }
}

/// Reads `table` or `json`.
pub fn form(text: &str) -> Result<Form, String> {
    chosen(text, &[("table", Form::Table), ("json", Form::Json)])
}

/// Reads `table`, `json` or `markdown`.
pub fn form_or_markdown(text: &str) -> Result<Form, String> {
    let words = [
        ("table", Form::Table),
        ("json", Form::Json),
        ("markdown", Form::Markdown),
    ];
    chosen(text, &words)
}

fn chosen(text: &str, words: &[(&'static str, Form)]) -> Result<Form, String> {
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, form)) => Ok(*form),
        None => Err(format!(
            "no such format{}",
            suggest::hint(text, words.iter().map(|(word, _)| *word))
        )),
    }
}

/// Reads a day: `2026-01-31`.
pub fn day(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "write a day as 2026-01-31".to_owned())
}

/// The day it is, in UTC.
pub fn today() -> Date {
    const SECONDS_A_DAY: u64 = 86_400;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::of_days((since.as_secs() / SECONDS_A_DAY) as i64)
}
