//! `interfaces`: what can be listened to, and what is missing.

use clap::Args as Group;

use super::Outcome;
use super::plan::Surroundings;
use super::policy::desk::{self, Form, Output};

/// Tell what can be listened to, and what is missing where it cannot
#[derive(Debug, Group)]
#[command(after_help = EXAMPLES)]
pub struct InterfacesArgs {
    /// Also what carries no network traffic, or only copies of it: buses, logs
    #[arg(long)]
    pub all: bool,

    /// table or json [default: table on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", value_parser = desk::form)]
    pub format: Option<Form>,

    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
Every interface is opened for a moment, as `flowsift live` would open it: what is said here holds for this user and this program. \
`undecoded` can be listened to, but flowsift does not know its frames.

Examples:
  flowsift interfaces
  flowsift interfaces --format json | jq -r 'select(.listen) | .name'

Exit status:
  0  at least one can be listened to
  1  none can: what is missing is said below the table, or as `remedy`
  2  they cannot be listed, or this flowsift was built without `live`";

#[cfg(feature = "live")]
pub fn run(args: InterfacesArgs, around: &Surroundings) -> Outcome {
    use super::exit::{Exit, Failure};
    use crate::sink::interfaces;
    use crate::source::live::list;

    let desk = desk::Desk::new(args.format, args.output, around);
    let found = list::list(args.all).map_err(Failure::new)?;
    let shown: Vec<_> = found.into_iter().map(in_words).collect();
    let mut out = Vec::new();
    match desk.form {
        Form::Json => interfaces::json(&shown, &mut out),
        _ => out.extend(interfaces::table(&shown, &desk.style).bytes()),
    }
    desk.deliver(&out, &[])?;
    let any = shown.iter().any(|interface| interface.missing.is_none());
    Ok(if any { Exit::Clean } else { Exit::Wanting })
}

#[cfg(feature = "live")]
fn in_words(found: crate::source::live::list::Found) -> crate::sink::interfaces::Interface {
    crate::sink::interfaces::Interface {
        name: found.name,
        kind: found.kind,
        state: found.state.as_str(),
        addresses: found.addresses,
        decoded: found.links.first().is_some_and(|link| link.is_decoded()),
        links: found.links.iter().map(|link| link.name().into_owned()).collect(),
        speed: found.speed,
        missing: found.obstacle.map(|obstacle| (obstacle.what, obstacle.remedy)),
    }
}

#[cfg(not(feature = "live"))]
pub fn run(_: InterfacesArgs, _: &Surroundings) -> Outcome {
    Err(super::exit::Failure::new(super::listen::WITHOUT_LIVE))
}
