//! What leaves the history, at fixed marks of the input.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Claim, HOUR_NS, History, LIFE_NS};
use crate::flow::stamp::Stamp;
use crate::names::quick_hash::QuickHash;

/// Claims of one address that are kept over a mark.
pub(super) const CLAIMS_KEPT: usize = 8;

impl History {
    /// Applies the bounds, as of `now`; for fixed marks of the input only. Answers how many claims were evicted; those that had merely become
    /// too old are not counted.
    ///
    /// - Claims more than 24 whole hours of the clock before `now` go.
    /// - Of an address's claims the newest 8 stay; before others, those go which a newer claim to the same client repeats.
    /// - With more than the cap of addresses, those go whose newest claim is oldest (then the lower address), until the cap is
    ///   undercut by an eighth: so the next walk is far away.
    pub fn trim(&self, now: Stamp) -> u64 {
        self.expire(now);
        self.shorten(now) + self.crowd_out(now)
    }

    /// Keeps the claims that `keeps` likes; the count of the others.
    fn retain(&self, list: &mut Vec<Claim>, mut keeps: impl FnMut(&Claim) -> bool) -> u64 {
        let mut gone = 0;
        list.retain(|claim| {
            let kept = keeps(claim);
            if !kept {
                gone += 1;
                self.bytes.fetch_sub(claim.bytes(), Ordering::Relaxed);
            }
            kept
        });
        list.shrink_to(CLAIMS_KEPT);
        gone
    }

    /// A walk, but only when something is too old: whole hours are compared, so that a clock that runs forward causes one walk an hour at most.
    fn expire(&self, now: Stamp) {
        let too_old = |ns: u64| (now.ns / HOUR_NS).saturating_sub(ns / HOUR_NS) > LIFE_NS / HOUR_NS;
        if !too_old(self.oldest_ns.load(Ordering::Relaxed)) {
            return;
        }
        let mut oldest = u64::MAX;
        self.claims.retain(|_, list| {
            self.retain(list, |c| c.answered.seq > now.seq || !too_old(c.answered.ns));
            oldest = list.iter().map(|c| c.answered.ns).fold(oldest, u64::min);
            !list.is_empty()
        });
        self.oldest_ns.store(oldest, Ordering::Relaxed);
    }

    /// Only addresses that grew beyond [`CLAIMS_KEPT`] since they were last found short.
    fn shorten(&self, now: Stamp) -> u64 {
        let grown = std::mem::take(&mut *self.grown());
        let mut evicted = 0;
        for address in grown {
            let Some(mut list) = self.claims.get_mut(&address) else {
                continue;
            };
            evicted += self.shorten_list(&mut list, now);
            let still_long = list.len() > CLAIMS_KEPT;
            drop(list);
            if still_long {
                self.grown().push(address);
            }
        }
        evicted
    }

    fn shorten_list(&self, list: &mut Vec<Claim>, now: Stamp) -> u64 {
        let due = list.partition_point(|c| c.answered.seq <= now.seq);
        let excess = due.saturating_sub(CLAIMS_KEPT);
        if excess == 0 {
            return 0;
        }
        let repeated = repeated_later(&list[..due]);
        let mut repeated_out = excess.min(repeated.iter().filter(|r| **r).count());
        let mut others_out = excess - repeated_out;
        let mut flags = repeated.into_iter();
        self.retain(list, |_| {
            let out = match flags.next() {
                Some(true) => &mut repeated_out,
                Some(false) => &mut others_out,
                None => return true,
            };
            let goes = *out > 0;
            *out -= usize::from(goes);
            !goes
        })
    }

    /// A walk, but only over the cap, and then at least an eighth of the cap leaves.
    fn crowd_out(&self, now: Stamp) -> u64 {
        if self.claims.len() <= self.cap_addresses {
            return 0;
        }
        let newest = |list: &[Claim]| list.iter().rev().map(|c| c.answered).find(|a| a.seq <= now.seq);
        let mut ranks: Vec<(Stamp, IpAddr)> = self
            .claims
            .iter()
            .filter_map(|entry| Some((newest(entry.value())?, *entry.key())))
            .collect();
        if ranks.len() <= self.cap_addresses {
            return 0;
        }
        let leaving = ranks.len() - (self.cap_addresses - self.cap_addresses / 8);
        ranks.select_nth_unstable(leaving - 1);
        let leaving: HashSet<IpAddr> = ranks.iter().take(leaving).map(|(_, a)| *a).collect();
        let mut evicted = 0;
        self.claims.retain(|address, list| {
            if leaving.contains(address) {
                evicted += self.retain(list, |c| c.answered.seq > now.seq);
            }
            !list.is_empty()
        });
        evicted
    }
}

/// Of each claim, whether a newer one to the same client repeats it.
fn repeated_later(claims: &[Claim]) -> Vec<bool> {
    /// So few are compared with each other sooner than hashed: their names are text.
    const FEW: usize = 32;
    if claims.len() <= FEW {
        let same = |a: &Claim, b: &Claim| a.client == b.client && (Arc::ptr_eq(&a.told, &b.told) || a.told == b.told);
        let later = |i: usize| claims.get(i + 1..).unwrap_or_default();
        let repeated = |(i, claim)| later(i).iter().any(|newer| same(claim, newer));
        return claims.iter().enumerate().map(repeated).collect();
    }
    let mut newer = HashSet::with_hasher(QuickHash::default());
    let mut repeated: Vec<bool> = claims
        .iter()
        .rev()
        .map(|claim| !newer.insert((claim.client, &claim.told)))
        .collect();
    repeated.reverse();
    repeated
}
