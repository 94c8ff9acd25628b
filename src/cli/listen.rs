//! Opens an interface and makes SIGINT and SIGTERM a clean end.

use std::time::Duration;

use super::exit::Failure;
use crate::engine::epoch::Source;

#[cfg(feature = "live")]
pub fn open(
    names: &[String],
    filter: Option<String>,
    duration: Option<Duration>,
    packets: Option<u64>,
) -> Result<Box<dyn Source>, Failure> {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use crate::source::live::{Live, LiveOptions};

    let [interface] = names else {
        return Err(Failure::new(
            "one interface at a time: give -i one name, or `any` for all of them",
        ));
    };
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal while the first is being obeyed ends the program at once.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    }
    let options = LiveOptions {
        interface: interface.clone(),
        filter,
        duration,
        packets,
        stop,
    };
    Ok(Box::new(Live::open(options).map_err(Failure::new)?))
}

#[cfg(not(feature = "live"))]
pub fn open(
    _names: &[String],
    _filter: Option<String>,
    _duration: Option<Duration>,
    _packets: Option<u64>,
) -> Result<Box<dyn Source>, Failure> {
    Err(Failure::new(
        "this flowsift was built without `live`: install libpcap's headers and build it again",
    ))
}
