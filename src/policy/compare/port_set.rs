//! Sets of ports: what several rows allow together, and what one allows that another does not.

use crate::policy::model::{PortRange, SCTP, TCP, UDP};

/// Ports of any protocols, as ranges in order that neither touch nor overlap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PortSet {
    ranges: Vec<PortRange>,
}

impl PortSet {
    /// Of a row: an empty list is every port.
    pub fn of(ports: &[PortRange]) -> PortSet {
        match ports {
            [] => PortSet::every(),
            ports => PortSet::of_ranges(ports.to_vec()),
        }
    }

    pub fn every() -> PortSet {
        let whole = |protocol| PortRange {
            protocol,
            first: 1,
            last: u16::MAX,
        };
        PortSet {
            ranges: vec![whole(TCP), whole(UDP), whole(SCTP)],
        }
    }

    fn of_ranges(mut ranges: Vec<PortRange>) -> PortSet {
        ranges.sort_by_key(|range| (range.protocol, range.first, range.last));
        let mut out: Vec<PortRange> = Vec::new();
        for range in ranges {
            match out.last_mut() {
                Some(last) if last.protocol == range.protocol && range.first <= last.last.saturating_add(1) => {
                    last.last = last.last.max(range.last);
                }
                _ => out.push(range),
            }
        }
        PortSet { ranges: out }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn union(&self, other: &PortSet) -> PortSet {
        PortSet::of_ranges(self.ranges.iter().chain(&other.ranges).copied().collect())
    }

    /// What is in it and not in `other`.
    pub fn without(&self, other: &PortSet) -> PortSet {
        let mut out = Vec::new();
        let mut taken = other.ranges.iter().peekable();
        for range in &self.ranges {
            let key = |range: &PortRange, port| (range.protocol, port);
            while taken
                .next_if(|cut| key(cut, cut.last) < key(range, range.first))
                .is_some()
            {}
            // From where on it is not decided yet; None: all of it is.
            let mut first = Some(range.first);
            for cut in taken
                .clone()
                .take_while(|cut| key(cut, cut.first) <= key(range, range.last))
            {
                let Some(from) = first else { break };
                if cut.first > from {
                    out.push(PortRange {
                        first: from,
                        last: cut.first - 1,
                        ..*range
                    });
                }
                first = cut.last.checked_add(1).filter(|next| *next <= range.last);
            }
            out.extend(first.map(|first| PortRange { first, ..*range }));
        }
        PortSet { ranges: out }
    }

    pub fn holds(&self, other: &PortSet) -> bool {
        other.without(self).is_empty()
    }

    /// In words: `tcp/443, udp/443`; what is nearly everything by what it lacks.
    pub fn words(&self) -> Vec<String> {
        let lacking = PortSet::every().without(self);
        let spell = |set: &PortSet| set.ranges.iter().map(ToString::to_string).collect::<Vec<_>>();
        match (lacking.is_empty(), lacking.ranges.len() < self.ranges.len()) {
            (true, _) => vec!["every port".to_owned()],
            (false, true) => vec![format!("every port but {}", spell(&lacking).join(" and "))],
            (false, false) => spell(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ports(list: &[(u8, u16, u16)]) -> PortSet {
        let range = |&(protocol, first, last)| PortRange { protocol, first, last };
        PortSet::of_ranges(list.iter().map(range).collect())
    }

    #[test]
    fn sets_are_told_in_few_words() {
        assert_eq!(
            ports(&[(6, 80, 80), (6, 81, 90), (17, 1, 5)]).words(),
            ["tcp/80-90", "udp/1-5"]
        );
        assert_eq!(PortSet::of(&[]).words(), ["every port"]);
        let rest = PortSet::every().without(&ports(&[(6, 443, 443)]));
        assert_eq!(rest.words(), ["every port but tcp/443"]);
        assert!(ports(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn sets_behave_as_sets_of_ports_do(
            a in prop::collection::vec((6u8..8, 1u16..40, 0u16..9), 0..6),
            b in prop::collection::vec((6u8..8, 1u16..40, 0u16..9), 0..6),
        ) {
            let set = |list: &[(u8, u16, u16)]| ports(&list.iter().map(|&(p, first, n)| (p, first, first + n)).collect::<Vec<_>>());
            let has = |set: &PortSet, protocol, port| set.ranges.iter().any(|range| range.contains(protocol, port));
            let (a, b) = (set(&a), set(&b));
            let (both, rest) = (a.union(&b), a.without(&b));
            for protocol in 6..8 {
                for port in 1..60 {
                    let (x, y) = (has(&a, protocol, port), has(&b, protocol, port));
                    prop_assert_eq!(has(&both, protocol, port), x || y);
                    prop_assert_eq!(has(&rest, protocol, port), x && !y);
                }
            }
            prop_assert!(both.holds(&a) && both.holds(&b));
        }
    }
}
