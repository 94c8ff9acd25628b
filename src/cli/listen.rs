//! Opens what goes on until it is stopped: interfaces, or a folder that is followed. SIGINT and SIGTERM are a clean end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::exit::Failure;
use super::plan::{Limits, Listening};
use crate::engine::epoch::Source;
use crate::source::ending::Until;
use crate::source::follow::Follow;
use crate::source::meter::Meter;

/// Said where a build that cannot listen is asked to.
pub const WITHOUT_LIVE: &str = "this flowsift was built without `live`: install libpcap's headers (Debian: apt-get install libpcap-dev) \
    and build it again, with `cargo install --path .` or `make build`";

/// A source that goes on, and its numbers.
pub type Running<S> = (S, Arc<Meter>);

#[cfg(feature = "live")]
pub fn interfaces(
    listening: &Listening,
    filter: Option<String>,
    hasty: bool,
) -> Result<Running<Box<dyn Source>>, Failure> {
    use super::plan::Kept;
    use crate::source::keep::{Format, KeepOptions};
    use crate::source::live::{Live, LiveOptions};

    let keep = |kept: &Kept| {
        Some(KeepOptions {
            path: kept.path.clone(),
            format: Format::of(&kept.path)?,
            rotate_size: kept.rotate_size,
            rotate_every: kept.rotate_every,
            most_files: kept.most_files,
        })
    };
    let live = Live::open(LiveOptions {
        interfaces: listening.names.clone(),
        workers: listening.workers,
        filter,
        snaplen: listening.snaplen,
        ring: listening.ring,
        until: until(listening.until, hasty)?,
        keep: listening.keep.as_ref().and_then(keep),
    })
    .map_err(Failure::new)?;
    let meter = live.meter();
    Ok((Box::new(live), meter))
}

#[cfg(not(feature = "live"))]
pub fn interfaces(
    _listening: &Listening,
    _filter: Option<String>,
    _hasty: bool,
) -> Result<Running<Box<dyn Source>>, Failure> {
    Err(Failure::new(WITHOUT_LIVE))
}

pub fn folder(place: &Path, hash: bool, limits: Limits, hasty: bool) -> Result<Running<Follow>, Failure> {
    let follow = Follow::open(place, hash, until(limits, hasty)?).map_err(Failure::new)?;
    let meter = follow.meter();
    Ok((follow, meter))
}

/// A signal ends it too; a second one, if it is to be `hasty`, at once.
fn until(limits: Limits, hasty: bool) -> Result<Until, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let at_once = Arc::clone(&stop);
        let registered = match hasty {
            true => signal_hook::flag::register_conditional_shutdown(signal, 130, at_once).map(drop),
            false => Ok(()),
        };
        registered
            .and_then(|()| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    }
    Ok(Until {
        duration: limits.duration,
        packets: limits.packets,
        stop,
    })
}
