//! `blocked`: the attempt failed, and how. [`reach`](super::reach) decides; here it becomes a flag and a sentence.

use super::reach::Outcome;
use super::words::push_number;
use crate::policy::verdict::{Block, Flag, FlagKind, HelloEnd, Reason, Severity};

pub(super) fn check(outcome: Outcome) -> Option<Flag> {
    let Outcome::Blocked(block) = outcome else {
        return None;
    };
    Some(Flag {
        kind: FlagKind::Blocked,
        severity: Severity::High,
        why: Reason::Blocked(block),
        how: Some(block.how()),
    })
}

/// The whole sentence.
pub(super) fn tell(block: Block, out: &mut Vec<u8>) {
    let mut say = |text: &str| out.extend_from_slice(text.as_bytes());
    match block {
        Block::SilentSyn { tries, over_ms } => {
            say(&format!(
                "SYN sent {tries} times over {}, never answered, while other servers answered this client.",
                seconds(over_ms)
            ));
        }
        Block::SilentDatagrams { sent: 1, .. } => {
            say("The request was never answered, while other servers answered this client.");
        }
        Block::SilentDatagrams { sent, over_ms } => {
            say(&format!(
                "{sent} packets sent over {}, never answered, while other servers answered this client.",
                seconds(over_ms)
            ));
        }
        Block::Reset => {
            say("The SYN was answered by a reset: the port is closed, or something on the way refuses the connection.")
        }
        Block::AfterHello(end) => {
            say("The connection was opened and the client's hello sent, but ");
            match end {
                HelloEnd::Reset => {
                    say("a reset came in place of the server's hello: a filter that knows the name does so.")
                }
                HelloEnd::Finished => {
                    say("the server's side closed it without an answer: a filter that knows the name does so.");
                }
                HelloEnd::Silence { over_ms } => {
                    say(&format!(
                        "nothing came back for {}, while other servers answered this client.",
                        seconds(over_ms)
                    ));
                }
            }
        }
        Block::Icmp => say("An ICMP error says that a filter on the way prohibits it."),
        Block::Alert { description } => {
            say("The server's side ended the handshake with the alert ");
            match alert_name(description) {
                Some(name) => say(name),
                None => push_number(u16::from(description), out),
            }
            out.push(b'.');
        }
        Block::Proxy { status } => {
            say("The proxy answered ");
            push_number(status, out);
            out.extend_from_slice(proxy_word(status).as_bytes());
        }
        Block::Socks { code } => {
            say("The SOCKS proxy answered ");
            push_number(code, out);
            out.extend_from_slice(socks_word(code).as_bytes());
        }
    }
}

/// `15.0 s`, `450 ms`, `12 min`.
fn seconds(ms: u32) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..600_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}

fn proxy_word(status: u16) -> &'static str {
    match status {
        403 => ": it forbids this.",
        451 => ": this is forbidden by law, it says.",
        511 => ": the network wants a login first.",
        502 => ": it got no proper answer from the server.",
        503 => ": it does not let this through now.",
        504 => ": the server did not answer it.",
        _ => ": it did not let this through.",
    }
}

fn socks_word(code: u16) -> &'static str {
    match code {
        2 => ": its rules forbid this.",
        5 => ": the server refused the connection.",
        _ => ": it did not let this through.",
    }
}

/// The name of an alert, or its number.
pub fn alert_word(description: u8) -> String {
    alert_name(description).map_or_else(|| description.to_string(), str::to_owned)
}

/// RFC 8446, section 6, and RFC 5246, section 7.2.
pub fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        111 => "certificate_unobtainable",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        114 => "bad_certificate_hash_value",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        121 => "ech_required",
        _ => return None,
    })
}
