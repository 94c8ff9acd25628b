//! Rows, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::rows::{FlowRow, NameRow, Row};
use crate::evidence::model::{Quality, TlsVersion};
use crate::policy::verdict::{Flag, FlagKind, RowId, Standing};
use crate::sink::PolicyNames;

/// The order in which the verdicts are counted.
pub const STANDINGS: [Standing; 4] = [
    Standing::Ok,
    Standing::Flagged,
    Standing::Unlisted,
    Standing::Inconclusive,
];
/// By [`TlsVersion::rank`]; then versions that nobody knows, and none, since the server's hello was not seen.
pub const VERSIONS: [&str; 8] = ["ssl2", "ssl3", "1.0", "1.1", "1.2", "1.3", "other", "unseen"];
/// Policies have a dozen; what is beyond this is counted together.
const CLASSES_AT_MOST: usize = 200;
const REST: &str = "(more)";

/// What was counted since the beginning.
#[derive(Debug)]
pub struct Counters {
    pub classes: Vec<ClassCounts>,
    /// By [`RowId`]: the place of its class.
    class_of_row: Vec<usize>,
    other: usize,
    unknown: usize,
    /// By [`VERSIONS`].
    pub tls: [AtomicU64; VERSIONS.len()],
    pub flows: AtomicU64,
    pub evicted: AtomicU64,
    pub not_fully_seen: AtomicU64,
}

/// What was counted of one class.
#[derive(Debug)]
pub struct ClassCounts {
    pub name: String,
    /// By [`STANDINGS`].
    pub flows: [AtomicU64; STANDINGS.len()],
    /// By [`FlagKind::ALL`].
    pub flags: [AtomicU64; FlagKind::ALL.len()],
    pub packets: [AtomicU64; 2],
    pub bytes: [AtomicU64; 2],
    pub lookups: AtomicU64,
    pub lookups_blocked: AtomicU64,
}

impl Counters {
    pub fn new(policy: &PolicyNames) -> Counters {
        let known = policy.classes();
        // The two that no policy has are the last, and always have a place of their own.
        let (own, common) = known.split_at(known.len().saturating_sub(2));
        let mut names: Vec<&str> = own.iter().take(CLASSES_AT_MOST).copied().collect();
        if own.len() > CLASSES_AT_MOST {
            names.push(REST);
        }
        for name in common {
            if !names.contains(name) {
                names.push(name);
            }
        }
        let place = |class: &str| {
            let found = names.iter().position(|name| *name == class);
            found
                .or_else(|| names.iter().position(|name| *name == REST))
                .unwrap_or(0)
        };
        Counters {
            class_of_row: policy.rows.iter().map(|row| place(&row.class)).collect(),
            other: place(PolicyNames::OTHER),
            unknown: place(PolicyNames::UNKNOWN),
            classes: names.iter().map(|name| ClassCounts::new(name)).collect(),
            tls: Default::default(),
            flows: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            not_fully_seen: AtomicU64::new(0),
        }
    }

    /// Counts a row, shown or not, where it is made.
    pub fn count(&self, row: &Row) {
        match row {
            Row::Flow(flow) => self.flow(flow),
            Row::Name(name) => self.name(name),
            Row::Capture(_) => {}
        }
    }

    fn flow(&self, row: &FlowRow) {
        let Some(class) = self.class(row.verdict.matches.first(), row.naming.name.is_some()) else {
            return;
        };
        add(&self.flows, 1);
        if let Some(place) = STANDINGS.iter().position(|it| *it == row.verdict.standing) {
            add(&class.flows[place], 1);
        }
        class.count_flags(&row.verdict.flags);
        add(&class.packets[0], row.packets.out);
        add(&class.packets[1], row.packets.r#in);
        add(&class.bytes[0], row.bytes.out);
        add(&class.bytes[1], row.bytes.r#in);
        if let Some(tls) = row.tls.as_deref() {
            add(&self.tls[version(tls.version)], 1);
        }
        add(&self.evicted, u64::from(row.quality.has(Quality::EVICTED)));
        let parts = [Quality::CUT, Quality::GAP, Quality::MIDSTREAM, Quality::ONE_SIDED];
        let partly = parts.into_iter().any(|part| row.quality.has(part));
        add(&self.not_fully_seen, u64::from(partly));
    }

    fn name(&self, row: &NameRow) {
        if let Some(class) = self.class(row.matches.first(), true) {
            add(&class.lookups, 1);
            let blocked = row.flags.iter().any(|flag| flag.kind == FlagKind::Blocked);
            add(&class.lookups_blocked, u64::from(blocked));
        }
    }

    fn class(&self, primary: Option<&RowId>, named: bool) -> Option<&ClassCounts> {
        let place = match primary {
            Some(id) => self.class_of_row.get(usize::from(id.0)).copied().unwrap_or(self.other),
            None if named => self.other,
            None => self.unknown,
        };
        self.classes.get(place)
    }
}

impl ClassCounts {
    fn new(name: &str) -> ClassCounts {
        ClassCounts {
            name: name.to_owned(),
            flows: Default::default(),
            flags: Default::default(),
            packets: Default::default(),
            bytes: Default::default(),
            lookups: AtomicU64::new(0),
            lookups_blocked: AtomicU64::new(0),
        }
    }

    fn count_flags(&self, flags: &[Flag]) {
        for (kind, count) in FlagKind::ALL.iter().zip(&self.flags) {
            if flags.iter().any(|flag| flag.kind == *kind) {
                add(count, 1);
            }
        }
    }
}

fn version(version: Option<TlsVersion>) -> usize {
    const OTHER: usize = VERSIONS.len() - 2;
    const UNSEEN: usize = VERSIONS.len() - 1;
    match version {
        None => UNSEEN,
        Some(version) => version.rank().map_or(OTHER, usize::from),
    }
}

fn add(count: &AtomicU64, more: u64) {
    if more > 0 {
        count.fetch_add(more, Ordering::Relaxed);
    }
}
