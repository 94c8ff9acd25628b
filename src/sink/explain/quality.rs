//! How much of the flow could be seen, and what follows for what can be said.

use super::{Evidence, Step};

pub fn step(evidence: &Evidence) -> Step {
    let mut step = Step::new("quality", "How well it was seen");
    for word in evidence.flow.quality.words() {
        step.say(format!("{word}: {}", meaning(word)));
    }
    step
}

/// What a quality mark means for what can be said.
fn meaning(word: &str) -> &'static str {
    match word {
        "complete" => {
            "no mark was set: of what is needed for the statements here nothing was found to be missing. That a packet was never \
             captured does not always show."
        }
        "midstream" => {
            "the flow was under way when the capture began. What was said before (the hello, the version, the certificate) is not \
             known, and that it was not seen proves nothing."
        }
        "cut" => "the capture kept only the beginnings of packets (snaplen). What stood behind is not known.",
        "gap" => {
            "bytes are missing between those that were seen: packets were lost, or not captured. What stood there is not known."
        }
        "overlap" => {
            "packets claim the same bytes with different contents. What the receiver believed is not certain; such a thing is also \
             done on purpose, to deceive tools like this one."
        }
        "one-sided" => {
            "only one direction was captured. What the other side said is not known, and its silence proves nothing."
        }
        "budget" => {
            "the handshake was given up half read, since memory was short or it was too long. Reading again with more --memory may tell more."
        }
        "fragment" => "the flow is IP fragments that were never put together: ports and contents are not known.",
        "evicted" => {
            "the flow was written out early, since memory was short; what came later is in another record of the same id. Reading again with more --memory mends it."
        }
        "ech-possible" => {
            "the hello has the extension Encrypted Client Hello. The name in the clear is taken at its word, as it nearly always is; it could be a cover."
        }
        _ => "see the README.",
    }
}
