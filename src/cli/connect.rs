//! The one door between the commands and the layers below: inputs, policy and engine, as a command needs them.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::Failure;
use super::plan::{Input, Plan};
use super::policy_file;
use crate::engine::drive::{self, Outlet, Settings};
use crate::engine::epoch::Source;
use crate::engine::limits::EPOCH_BYTES;
use crate::policy::compile::Policy;
use crate::sink::{Labels, PolicyNames};
use crate::source::meter::Meter;
use crate::source::{InputOptions, Inputs, Progress};

/// A source, a policy and an engine, put together and ready to run.
pub trait Reader {
    /// What rows refer to by number. Known before the first row; an input's name only where there are several.
    fn labels(&self) -> Labels;

    /// What is judged by.
    fn policy(&self) -> Arc<Policy>;

    /// The files it was read from: no result may be written over one.
    fn policy_files(&self) -> &[PathBuf] {
        &[]
    }

    /// How far the reading is, where that can be known (not of an interface).
    fn progress(&self) -> Option<Progress>;

    /// The numbers of a run that goes on until it is stopped.
    fn meter(&self) -> Option<Arc<Meter>> {
        None
    }

    /// Reads everything, or until the outlet has had enough. Every row goes out, whatever is shown of them later.
    fn run(&mut self, outlet: &mut dyn Outlet) -> Ended;
}

/// How the reading went. Each is one finished line that says which input, what, and what to do.
#[derive(Debug, Default)]
pub struct Ended {
    /// All was read as far as it went: a cut tail, a link type that nobody decodes.
    pub warnings: Vec<String>,
    /// Inputs that could not be used.
    pub faults: Vec<String>,
    /// Those lines of both that were shown while it ran.
    pub said: Vec<String>,
}

/// Opens what the plan asks for.
pub fn open(plan: &Plan) -> Result<Box<dyn Reader>, Failure> {
    let loaded = policy_file::open(&plan.policy)?;
    let connected = Connected {
        warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
        policy_files: policy_file::files(&loaded.places),
        ..connected(plan, Arc::new(loaded.policy))?
    };
    Ok(Box::new(connected))
}

/// The same under a policy that has been read already, and of which all has been said.
pub fn open_under(plan: &Plan, policy: Arc<Policy>) -> Result<Box<dyn Reader>, Failure> {
    Ok(Box::new(connected(plan, policy)?))
}

fn connected(plan: &Plan, policy: Arc<Policy>) -> Result<Connected, Failure> {
    // Before the source is opened: a command that cannot be done empties no file that packets would be kept in.
    plan.check_classes(&PolicyNames::of(&policy))?;
    let Opened {
        source,
        progress,
        meter,
    } = source(plan)?;
    let settings = Settings {
        memory: plan.memory,
        epoch_bytes: EPOCH_BYTES,
        threads: plan.threads,
    };
    Ok(Connected {
        source,
        progress,
        meter,
        policy,
        settings,
        warnings: Vec::new(),
        policy_files: Vec::new(),
    })
}

struct Connected {
    source: Box<dyn Source>,
    progress: Option<Progress>,
    meter: Option<Arc<Meter>>,
    policy: Arc<Policy>,
    settings: Settings,
    /// About the policy.
    warnings: Vec<String>,
    policy_files: Vec<PathBuf>,
}

impl Reader for Connected {
    fn labels(&self) -> Labels {
        let files = match self.source.inputs() {
            [_] => Vec::new(),
            several => several.iter().map(|input| input.name.clone()).collect(),
        };
        Labels {
            policy: PolicyNames::of(&self.policy),
            files,
        }
    }

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }

    fn policy_files(&self) -> &[PathBuf] {
        &self.policy_files
    }

    fn progress(&self) -> Option<Progress> {
        self.progress.clone()
    }

    fn meter(&self) -> Option<Arc<Meter>> {
        self.meter.clone()
    }

    fn run(&mut self, outlet: &mut dyn Outlet) -> Ended {
        drive::run(self.source.as_mut(), &self.policy, self.settings, outlet);
        let of_inputs = self.source.inputs().iter();
        let read = of_inputs.flat_map(|input| input.warnings.iter().map(|what| format!("{}: {what}", input.name)));
        let warnings = self.warnings.drain(..).chain(read).collect();
        Ended {
            warnings,
            faults: self.source.faults().to_vec(),
            said: Vec::new(),
        }
    }
}

/// The frames of the plan's files once more, for what no record tells; None if they can be read only once.
pub fn frames_again(plan: &Plan) -> Option<Box<dyn Source>> {
    let again = |file: &PathBuf| std::fs::metadata(file).is_ok_and(|about| about.is_file() || about.is_dir());
    match &plan.input {
        Input::Files(files) if files.iter().all(again) => {
            let inputs = Inputs::open(files, InputOptions { hash: false }).ok()?;
            Some(Box::new(inputs))
        }
        _ => None,
    }
}

/// A source, and how its progress can be seen.
struct Opened {
    source: Box<dyn Source>,
    progress: Option<Progress>,
    meter: Option<Arc<Meter>>,
}

fn source(plan: &Plan) -> Result<Opened, Failure> {
    let filter = plan.filter.as_deref();
    // A dashboard gives the terminal back first.
    let hasty = !plan.showing.is_dashboard();
    let running = |source, meter| Opened {
        source,
        progress: None,
        meter: Some(meter),
    };
    match &plan.input {
        Input::Files(files) => {
            let inputs = Inputs::open(files, InputOptions { hash: plan.hash }).map_err(Failure::lines)?;
            Ok(Opened {
                progress: Some(inputs.progress()),
                source: filtered(inputs, filter)?,
                meter: None,
            })
        }
        Input::Followed { place, until } => {
            let (follow, meter) = super::listen::folder(place, plan.hash, *until, hasty)?;
            Ok(running(filtered(follow, filter)?, meter))
        }
        Input::Interfaces(listening) => {
            let (live, meter) = super::listen::interfaces(listening, plan.filter.clone(), hasty)?;
            Ok(running(live, meter))
        }
    }
}

#[cfg(feature = "live")]
fn filtered(inputs: impl Source + 'static, filter: Option<&str>) -> Result<Box<dyn Source>, Failure> {
    match filter {
        None => Ok(Box::new(inputs)),
        Some(filter) => {
            let filtered = crate::source::filter::Filtered::new(inputs, filter).map_err(Failure::new)?;
            Ok(Box::new(filtered))
        }
    }
}

#[cfg(not(feature = "live"))]
fn filtered(inputs: impl Source + 'static, _filter: Option<&str>) -> Result<Box<dyn Source>, Failure> {
    // The plan has refused a filter that cannot be compiled here.
    Ok(Box::new(inputs))
}
