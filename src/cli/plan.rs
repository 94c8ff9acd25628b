//! What will be done: every default chosen, every doubt settled. Below this nothing asks the terminal or the environment.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::args::{Args, Colour, Command, Common, Format};
use super::exit::Failure;
use super::output::Destination;
use super::status::Statistics;
use super::suggest;
use crate::engine::limits::LEAST_MEMORY;
use crate::engine::rows::{FlowRow, Row};
use crate::policy::coverage::Demands;
use crate::policy::verdict::{Flag, FlagKind};
use crate::sink::PolicyNames;
use crate::sink::style::Style;

mod forms;
mod running;
mod showing;
pub use running::{Kept, Limits, Listening};
pub use showing::{Screen, Showing};

/// A command, decided.
#[derive(Debug, Clone)]
pub struct Plan {
    pub input: Input,
    /// A policy file, or the name of a built-in one.
    pub policy: String,
    /// In BPF's language; only with the feature `live`.
    pub filter: Option<String>,
    pub threads: usize,
    /// Bytes.
    pub memory: u64,
    /// SHA-256 of the inputs.
    pub hash: bool,
    pub names: bool,
    pub select: Select,
    pub fail_on: Vec<FlagKind>,
    pub format: Format,
    pub style: Style,
    pub output: Destination,
    /// Results go to a terminal, which a progress bar would write into.
    pub on_screen: bool,
    /// Rows, or a dashboard of a live run.
    pub showing: Showing,
    pub progress: bool,
    pub statistics: Statistics,
    /// Where they are served, of what goes on until it is stopped.
    pub metrics: Option<SocketAddr>,
    pub warnings: bool,
    /// Of `check`.
    pub judgement: Option<Judgement>,
}

/// What `check` is asked.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// What must hold.
    pub demands: Demands,
    /// Captures of the other side of the same device, towards the servers.
    pub outside: Vec<PathBuf>,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Files and folders as typed, `-` for standard input.
    Files(Vec<PathBuf>),
    /// A folder that another program writes captures into, or one file that grows.
    Followed {
        place: PathBuf,
        until: Limits,
    },
    Interfaces(Listening),
}

/// What the command line runs in.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub stdin_terminal: bool,
    pub stdout_terminal: bool,
    pub stderr_terminal: bool,
    /// The terminal's width, where it is known.
    pub columns: Option<usize>,
    /// NO_COLOR or a terminal that has none.
    pub no_colour: bool,
    /// What more there is to know of the terminal that results go to.
    pub screen: Screen,
    pub processors: usize,
}

/// A table's width where there is no terminal to ask, and where a terminal does not tell.
const WIDTH_OF_A_FILE: usize = 120;
const WIDTH_OF_A_TERMINAL: usize = 80;
/// How often a terminal shows statistics.
const STATISTICS_EVERY: Duration = Duration::from_secs(1);

impl Plan {
    pub fn new(args: Args, around: &Surroundings) -> Result<Plan, Failure> {
        let is_live = matches!(args.command, Command::Live(_));
        let (input, hash, (stats, metrics), common, judgement) = match args.command {
            Command::Read(read) => {
                let input = running::files(read.files, read.follow, read.duration)?;
                (input, read.hash, (read.stats, read.metrics), read.common, None)
            }
            Command::Live(live) => {
                let told = (live.listen.stats, live.listen.metrics);
                let input = running::listening(live.listen, &live.common)?;
                (input, false, told, live.common, None)
            }
            Command::Check(check) => {
                let told = (check.listen.stats, check.listen.metrics);
                let input = match (check.files, check.inside) {
                    (files, inside) if files.is_empty() && inside.is_empty() => {
                        running::listening(check.listen, &check.common)?
                    }
                    (files, inside) => Input::Files(if files.is_empty() { inside } else { files }),
                };
                let judgement = Judgement {
                    demands: Demands {
                        strict: check.strict,
                        classes: check.require,
                    },
                    outside: check.outside,
                };
                (input, true, told, check.common, Some(judgement))
            }
            _ => return Err(Failure::new("this command has a plan of its own")),
        };
        forms::suits(common.format, judgement.is_some())?;
        if judgement.is_some() && (common.names || !common.flags.is_empty()) {
            return Err(Failure::new(
                "--flag and --names choose flows and lookups, and a judgement is of all of them: leave them out, or use `flowsift read`",
            ));
        }
        check(&input, &common, around)?;
        if metrics.is_some() && matches!(input, Input::Files(_)) {
            return Err(Failure::new(
                "--metrics tells of what goes on until it is stopped: give it interfaces (-i) or a folder to follow (--follow)",
            ));
        }
        let showing = match is_live {
            true => Showing::of_live(&common, around),
            false => Showing::Rows,
        };
        let output = forms::destination(common.format, common.output)?;
        let on_screen = around.stdout_terminal && output == Destination::Stdout;
        let reads_files = matches!(input, Input::Files(_));
        Ok(Plan {
            policy: common.policy,
            filter: common.filter,
            threads: common.threads.map_or(around.processors, usize::from),
            memory: common.memory,
            hash,
            // A folder of tables has one for the lookups, asked for or not.
            names: common.names || matches!(output, Destination::Folder(_)),
            select: Select {
                classes: common.classes,
                flags: common.flags,
            },
            fail_on: common.fail_on,
            format: match common.format {
                Some(format) => format,
                None if on_screen => Format::Table,
                None => Format::Json,
            },
            style: Style {
                width: around.columns.unwrap_or(if on_screen {
                    WIDTH_OF_A_TERMINAL
                } else {
                    WIDTH_OF_A_FILE
                }),
                colour: match common.color {
                    Colour::Always => true,
                    Colour::Never => false,
                    Colour::Auto => on_screen && !around.no_colour,
                },
            },
            output,
            on_screen,
            progress: reads_files && around.stderr_terminal && !common.quiet,
            statistics: match (reads_files || common.quiet, around.stderr_terminal, stats) {
                (true, ..) => Statistics::None,
                _ if showing.is_dashboard() => Statistics::AtTheEnd,
                (_, true, every) => Statistics::OneLine(
                    every.unwrap_or(STATISTICS_EVERY),
                    around.columns.unwrap_or(WIDTH_OF_A_TERMINAL),
                ),
                (_, false, Some(every)) => Statistics::Lines(every),
                (_, false, None) => Statistics::AtTheEnd,
            },
            metrics,
            warnings: !common.quiet,
            judgement,
            input,
            showing,
        })
    }

    /// Names are asked for: by themselves, or as what was blocked, which may be a lookup.
    pub fn shows_names(&self) -> bool {
        self.names || self.select.flags.contains(&FlagKind::Blocked)
    }

    /// Classes that no flow can have: shown, or demanded.
    pub fn check_classes(&self, policy: &PolicyNames) -> Result<(), Failure> {
        let demanded = self
            .judgement
            .as_ref()
            .map_or(&[][..], |judgement| &judgement.demands.classes);
        self.select.check(policy).and_then(|()| check_classes(demanded, policy))
    }

    /// Names are looked at: shown, or for what they prove.
    pub fn looks_at_names(&self) -> bool {
        self.shows_names() || self.showing.is_dashboard()
    }

    /// It goes on until it is stopped.
    pub fn goes_on(&self) -> bool {
        !matches!(self.input, Input::Files(_))
    }

    /// The files and folders that are read.
    pub fn files(&self) -> &[PathBuf] {
        match &self.input {
            Input::Files(files) => files,
            Input::Followed { place, .. } => std::slice::from_ref(place),
            Input::Interfaces(_) => &[],
        }
    }
}

/// What this build or this place cannot do.
fn check(input: &Input, common: &Common, around: &Surroundings) -> Result<(), Failure> {
    let live = cfg!(feature = "live");
    if !live && matches!(input, Input::Interfaces(_)) {
        return Err(Failure::new(super::listen::WITHOUT_LIVE));
    }
    if !live && common.filter.is_some() {
        return Err(Failure::new(
            "--filter needs libpcap, and this flowsift was built without it: build it with `--features live`",
        ));
    }
    if let Input::Files(files) = input {
        let stdin = files.iter().filter(|file| file.as_os_str() == "-").count();
        if stdin > 1 {
            return Err(Failure::new("standard input can be read once: give `-` once"));
        }
        if stdin == 1 && around.stdin_terminal {
            return Err(Failure::new(
                "standard input is a terminal: pipe a capture into flowsift, or name a file instead of `-`",
            ));
        }
    }
    if common.memory < LEAST_MEMORY {
        return Err(Failure::new("--memory is too small to work in: give it 16MB or more"));
    }
    Ok(())
}

/// Every class must be one that a flow can have.
fn check_classes(classes: &[String], policy: &PolicyNames) -> Result<(), Failure> {
    let known = policy.classes();
    match classes.iter().find(|class| !known.contains(&class.as_str())) {
        None => Ok(()),
        Some(class) => Err(Failure::new(format!(
            "the policy {} has no class `{class}`{}",
            policy.name,
            suggest::hint(class, known)
        ))),
    }
}

/// Which rows are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Any of them; none given: all.
    pub classes: Vec<String>,
    pub flags: Vec<FlagKind>,
}

impl Select {
    /// A class that no flow can have would silently show nothing.
    pub fn check(&self, policy: &PolicyNames) -> Result<(), Failure> {
        check_classes(&self.classes, policy)
    }

    /// Captures always; flows and names by their class and by their flags.
    pub fn shows(&self, row: &Row, policy: &PolicyNames) -> bool {
        match row {
            Row::Capture(_) => true,
            Row::Flow(row) => self.shows_flow(row, policy),
            Row::Name(row) => self.has_class(policy.class(&row.matches, true)) && self.has_flag(&row.flags),
        }
    }

    pub fn shows_flow(&self, row: &FlowRow, policy: &PolicyNames) -> bool {
        let class = policy.class(&row.verdict.matches, row.naming.name.is_some());
        self.has_class(class) && self.has_flag(&row.verdict.flags)
    }

    /// Nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.classes.is_empty() && self.flags.is_empty()
    }

    /// A class is asked for, or all are.
    pub fn has_class(&self, class: &str) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|asked| asked == class)
    }

    fn has_flag(&self, flags: &[Flag]) -> bool {
        self.flags.is_empty() || flags.iter().any(|flag| self.flags.contains(&flag.kind))
    }
}

impl Surroundings {
    /// This process's.
    pub fn real() -> Surroundings {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Surroundings {
            stdin_terminal: std::io::stdin().is_terminal(),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            columns: columns(),
            // no-color.org: present and not empty, whatever its value.
            no_colour: set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
            screen: Screen::real(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The terminal's width: as COLUMNS gives it, within reason, or as the terminal does.
fn columns() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok());
    let asked = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    told.or_else(asked).filter(|columns| (1..=1000).contains(columns))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::sink::fixtures;

    fn around() -> Surroundings {
        Surroundings {
            stdin_terminal: true,
            stdout_terminal: true,
            stderr_terminal: true,
            columns: Some(99),
            no_colour: false,
            screen: Screen::default(),
            processors: 6,
        }
    }

    fn plan(words: &str, around: &Surroundings) -> Result<Plan, Failure> {
        let words = ["flowsift"].into_iter().chain(words.split(' '));
        Plan::new(Args::try_parse_from(words).unwrap(), around)
    }

    #[test]
    fn a_terminal_gets_a_coloured_table_and_a_pipe_plain_json() {
        let screen = plan("read a", &around()).unwrap();
        assert_eq!(screen.format, Format::Table);
        assert_eq!(
            screen.style,
            Style {
                width: 99,
                colour: true
            }
        );
        assert_eq!(screen.threads, 6);
        assert!(screen.on_screen && screen.progress && screen.warnings);

        let pipe = Surroundings {
            stdout_terminal: false,
            columns: None,
            ..around()
        };
        let piped = plan("read a", &pipe).unwrap();
        assert_eq!(piped.format, Format::Json);
        assert_eq!(
            piped.style,
            Style {
                width: 120,
                colour: false
            }
        );
        assert!(!piped.on_screen);

        let file = plan("read a -o out", &around()).unwrap();
        assert_eq!(file.format, Format::Json);
        assert!(!file.style.colour && !file.on_screen);
    }

    #[test]
    fn colour_heeds_no_color_unless_it_is_asked_for() {
        let without = Surroundings {
            no_colour: true,
            ..around()
        };
        assert!(!plan("read a", &without).unwrap().style.colour);
        assert!(plan("read a --color always", &without).unwrap().style.colour);
        assert!(!plan("read a --color never", &around()).unwrap().style.colour);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_remedy() {
        for (words, says) in [
            ("read -", "pipe a capture"),
            ("read - -", "once"),
            ("read a --memory 1MB", "16MB or more"),
            ("read a --format parquet", "give -o a folder"),
            ("read a --format sarif", "flowsift check"),
            ("check a --format eve", "flowsift read"),
        ] {
            assert!(plan(words, &around()).unwrap_err().0.contains(says), "{words}");
        }
        assert_eq!(plan("read a --filter tcp", &around()).is_ok(), cfg!(feature = "live"));
        assert_eq!(plan("live -i lo", &around()).is_ok(), cfg!(feature = "live"));
        let quiet = plan("read a --quiet", &around()).unwrap();
        assert!(!quiet.progress && !quiet.warnings);
    }

    #[test]
    fn a_folder_gets_the_lookups_too() {
        let output = |words: &str| {
            let plan = plan(words, &around()).unwrap();
            (plan.names, matches!(plan.output, Destination::Folder(_)))
        };
        assert_eq!(output("read a --format csv"), (false, false));
        assert_eq!(output("read a --format csv -o out.csv"), (false, false));
        assert_eq!(output("read a --format csv -o out/"), (true, true));
        assert_eq!(output("read a --format parquet -o out"), (true, true));
        assert_eq!(output("read a --format eve -o out/"), (false, false));
    }

    #[test]
    fn rows_are_selected_by_class_and_flag() {
        let policy = fixtures::labels().policy;
        let web = Row::Flow(Box::new(fixtures::web_flow()));
        let bare = Row::Flow(Box::new(fixtures::bare_flow()));
        let name = Row::Name(Box::new(fixtures::name()));
        let capture = Row::Capture(Box::new(fixtures::capture()));
        let shown = |classes: &[&str], flags: &[FlagKind]| {
            let select = Select {
                classes: classes.iter().map(|c| c.to_string()).collect(),
                flags: flags.to_vec(),
            };
            [&web, &bare, &name, &capture].map(|row| select.shows(row, &policy))
        };
        assert_eq!(shown(&[], &[]), [true, true, true, true]);
        assert_eq!(shown(&["salestim", "teams"], &[]), [true, false, true, true]);
        assert_eq!(shown(&["unknown"], &[]), [false, true, false, true]);
        assert_eq!(
            shown(&[], &[FlagKind::Port, FlagKind::Blocked]),
            [false, true, false, true]
        );
        assert_eq!(shown(&["salestim"], &[FlagKind::Blocked]), [false, false, false, true]);
    }

    #[test]
    fn a_class_that_is_not_in_the_policy_is_refused() {
        let policy = fixtures::labels().policy;
        let check = |class: &str| check_classes(&[class.to_owned()], &policy);
        assert!(check("other").is_ok());
        assert_eq!(
            check("salestin").unwrap_err().0,
            "the policy lab has no class `salestin`; did you mean `salestim`?"
        );
    }
}
