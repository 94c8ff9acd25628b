//! `man`: the manual pages, made of what `--help` says.
//!
//! A command's help ends in paragraphs, some under a heading of their own (`Examples:`, `Exit status:`). Each heading becomes a
//! section; what stands below it indented is shown as it stands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as Group, Command, CommandFactory};
use clap_mangen::Man;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::output::Destination;
use super::{Outcome, say};

/// Print the manual page, or write those of all commands into a folder
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// The command whose page is meant, in several words if need be: `policy lint` [default: flowsift's own]
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub command: Vec<String>,

    /// Write every page into this folder, which is made if need be: flowsift.1, flowsift-read.1, ...
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  flowsift man | man -l -
  flowsift man policy lint | man -l -
  flowsift man -o ~/.local/share/man/man1      then: man flowsift-read";

/// Of this version's pages: those of one version are the same wherever they are made.
const DATE: &str = "2026-11-21";

pub fn run(args: ManArgs) -> Outcome {
    let mut root = Args::command().disable_help_subcommand(true);
    root.build();
    match args.output {
        Some(folder) => write_all(&root, &folder)?,
        None => {
            let page = page(meant(&root, &args.command)?)?;
            Destination::Stdout.deliver(&page, &[])?;
        }
    }
    Ok(Exit::Clean)
}

fn meant<'c>(root: &'c Command, words: &[String]) -> Result<&'c Command, Failure> {
    words.iter().try_fold(root, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let known = command.get_subcommands().map(Command::get_name);
            let hint = match command.has_subcommands() {
                true => super::suggest::hint(word, known),
                false => format!("; `{}` has no commands of its own", command.get_name()),
            };
            Failure::new(format!("there is no page of `{word}`{hint}"))
        })
    })
}

fn write_all(root: &Command, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder.display(), &error))?;
    let mut commands = vec![root];
    let mut count = 0;
    while let Some(command) = commands.pop() {
        let path = folder.join(format!("{}.1", name(command)));
        let page = page(command)?;
        fs::write(&path, page).map_err(|error| Failure::io("write to", path.display(), &error))?;
        count += 1;
        commands.extend(command.get_subcommands().filter(|below| !below.is_hide_set()));
    }
    say(&format!("{count} pages written into {}", folder.display()));
    Ok(())
}

/// `flowsift-policy-lint`
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command) -> Result<Vec<u8>, Failure> {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let version = concat!("flowsift ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone())
        .title(name(command))
        .date(DATE)
        .source(version)
        .manual("flowsift");
    let mut text = Vec::new();
    let written = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| match command.has_subcommands() {
            true => man.render_subcommands_section(&mut text),
            false => Ok(()),
        });
    written.map_err(|error| Failure::io("make", "the manual page", &error))?;
    // A break before and behind an empty line is one too many.
    let mut text = String::from_utf8_lossy(&text).replace("\n.br\n\n.br\n", "\n.sp\n");
    for (heading, body) in sections(&after) {
        push_section(&mut text, heading, &body);
    }
    if name(command) != "flowsift" {
        push_section(&mut text, "SEE ALSO", &["flowsift(1)"]);
    }
    Ok(text.into_bytes())
}

/// What help ends with, cut at its headings: lines of one word or two that end in a colon. What stands before the first is a note.
fn sections(after: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections = vec![("NOTES", Vec::new())];
    for line in after.lines() {
        match line
            .strip_suffix(':')
            .filter(|words| !words.starts_with(' ') && words.len() < 20)
        {
            Some(heading) => sections.push((heading, Vec::new())),
            None => sections.last_mut().expect("there is a first one").1.push(line),
        }
    }
    sections.retain(|(_, body)| body.iter().any(|line| !line.is_empty()));
    sections
}

/// groff_man(7): a section; lines that are indented stand as they are, others are filled.
fn push_section(page: &mut String, heading: &str, body: &[&str]) {
    page.push_str(&format!(".SH \"{}\"\n", heading.to_uppercase()));
    let mut stands = false;
    let mut gap = false;
    for line in body {
        if line.is_empty() {
            gap = true;
            continue;
        }
        let indented = line.starts_with("  ");
        match (stands, indented) {
            (false, true) => page.push_str(".nf\n"),
            (true, false) => page.push_str(".fi\n"),
            _ => {}
        }
        // Between paragraphs; where lines stand as they are, and at the ends, nothing is needed.
        if std::mem::take(&mut gap) && !stands && !indented && !page.ends_with("\"\n") {
            page.push_str(".PP\n");
        }
        stands = indented;
        page.push_str(&format!("{}\n", escaped(line.trim())));
    }
    if stands {
        page.push_str(".fi\n");
    }
}

/// groff(7): a backslash begins an escape, a dot or a quote at the beginning a request, and a bare hyphen may become another character.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let args = |command: &[&str], output| ManArgs {
            command: command.iter().map(ToString::to_string).collect(),
            output,
        };
        assert_eq!(run(args(&[], Some(folder.path().join("man1")))), Ok(Exit::Clean));
        let page = |name: &str| fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
        assert!(page("flowsift.1").contains("flowsift\\-policy"));
        let lint = page("flowsift-policy-lint.1");
        assert!(
            lint.contains(".SH \"EXAMPLES\"\n.nf\nflowsift policy lint ours.toml\n"),
            "{lint}"
        );
        assert!(lint.contains(".SH \"EXIT STATUS\"\n"));
        let none = run(args(&["polciy"], None)).unwrap_err();
        assert!(none.0.ends_with("did you mean `policy`?"), "{}", none.0);
    }

    #[test]
    fn nothing_said_becomes_a_request() {
        assert_eq!(escaped(".so /etc/x"), "\\&.so /etc/x");
        assert_eq!(escaped("a\\-b"), "a\\e\\-b");
        let parts = sections("A note.\n\nExamples:\n  one\n  two\n\nExit status:\n  0  yes");
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1], ("Examples", vec!["  one", "  two", ""]));
    }
}
