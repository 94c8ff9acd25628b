//! From a reason to the sentence that people read.
//!
//! ```text
//!   The flow uses tcp/8443 | , but the row web-app allows only tcp/443.
//!      what the flow did   |   what the policy has against it
//! ```
//!
//! The second half depends on the row alone. It is made once for each row, by the same file that checks the rule.

use super::{address, blocked, plaintext, port, tls_version};
use crate::policy::compile::Policy;
use crate::policy::verdict::{Reason, RowId};

/// The policy's half of every reason.
#[derive(Debug, Clone, Default)]
pub struct Wording {
    unlisted: Rules,
    /// By [`RowId`].
    rows: Vec<Rules>,
}

#[derive(Debug, Clone, Default)]
struct Rules {
    port: Box<str>,
    tls_version: Box<str>,
    plaintext: Box<str>,
    address: Box<str>,
}

impl Wording {
    pub fn of(policy: &Policy) -> Wording {
        let unlisted = policy.unlisted();
        Wording {
            unlisted: Rules {
                port: port::rule(unlisted, None).into(),
                tls_version: tls_version::rule(unlisted, None).into(),
                plaintext: plaintext::rule(None).into(),
                address: Box::default(),
            },
            rows: policy
                .rows()
                .map(|(_, row)| Rules {
                    port: port::rule(&row.expect, Some(row)).into(),
                    tls_version: tls_version::rule(&row.expect, Some(row)).into(),
                    plaintext: plaintext::rule(Some(row)).into(),
                    address: address::rule(row).into(),
                })
                .collect(),
        }
    }

    /// Adds the reason as one sentence. It holds whatever the policy's author called the row.
    pub fn tell(&self, reason: &Reason, out: &mut Vec<u8>) {
        let rule = match *reason {
            Reason::Port { protocol, port, row } => {
                port::tell(protocol, port, out);
                &self.rules(row).port
            }
            Reason::TlsVersion {
                version,
                in_quic,
                older,
                row,
            } => {
                tls_version::tell(version, in_quic, older, out);
                &self.rules(row).tls_version
            }
            Reason::Plaintext { http, port, row } => {
                plaintext::tell(http, port, out);
                &self.rules(row).plaintext
            }
            Reason::Address { ip, row } => {
                address::tell(ip, out);
                &self.rules(Some(row)).address
            }
            Reason::Blocked(block) => return blocked::tell(block, out),
            Reason::Told(ref sentence) => sentence,
        };
        out.extend_from_slice(rule.as_bytes());
    }

    fn rules(&self, row: Option<RowId>) -> &Rules {
        row.and_then(|row| self.rows.get(usize::from(row.0)))
            .unwrap_or(&self.unlisted)
    }
}
