//! `near-duplicate`, `look-alike`, `idn`, `companion`: names that are nearly others, and names that come with others.
//!
//! Names are compared by their keys: a name and every form of it with one letter left out. Two names that one slip of the
//! keyboard sets apart have a key in common, so that nobody is compared with everybody.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

use super::known::{COMPANIONS, SECOND_LEVEL};
use super::{Case, Code, Finding, Found, Standing, is_covered, punycode, some};
use crate::policy::builtin;
use crate::policy::load::{Place, load};
use crate::policy::model::HostPattern;

/// Beyond so many domains only the first are compared.
const DOMAINS_AT_MOST: usize = 20_000;
/// Shorter ones are too easily alike: `qq.com`, `q2.com`.
const SHORTEST: usize = 7;
/// Of one domain no more is told.
const LIKENESSES_AT_MOST: usize = 3;

pub(super) fn check(case: &Case, found: &mut Found) {
    let domains = Domains::of(case);
    near(&domains, found);
    look_alikes(&domains, found);
    for standing in case.rows() {
        idn(&standing, found);
    }
    companions(case, found);
}

/// The domains that somebody registers: of the policy with the place of their first host, then known ones.
struct Domains {
    listed: BTreeMap<String, Seen>,
    known: BTreeMap<String, ()>,
}

struct Seen {
    place: Place,
    endpoint: String,
    order: usize,
}

impl Domains {
    fn of(case: &Case) -> Domains {
        let mut listed = BTreeMap::new();
        for standing in case.rows() {
            for entry in standing.hosts() {
                let domain = registered(&entry.host.name);
                if listed.len() < DOMAINS_AT_MOST && !listed.contains_key(domain) {
                    let seen = Seen {
                        place: standing.place_of(&entry),
                        endpoint: standing.row.id.clone(),
                        order: listed.len(),
                    };
                    listed.insert(domain.to_owned(), seen);
                }
            }
        }
        let text = builtin::policy(builtin::DEFAULT).unwrap_or("");
        let mut known = BTreeMap::new();
        if let Ok(loaded) = load(text, builtin::DEFAULT, &mut |_| Err(String::new())) {
            for (_, row) in loaded.policy.rows() {
                known.extend(row.hosts.iter().map(|host| (registered(&host.name).to_owned(), ())));
            }
        }
        Domains { listed, known }
    }

    /// All names, each once, and where it is listed.
    fn all(&self) -> impl Iterator<Item = (&str, Option<&Seen>)> {
        let known = self.known.keys().filter(|name| !self.listed.contains_key(*name));
        let listed = self.listed.iter().map(|(name, seen)| (name.as_str(), Some(seen)));
        listed.chain(known.map(|name| (name.as_str(), None)))
    }

    fn finding(&self, code: Code, name: &str, seen: &Seen) -> Finding {
        Finding {
            endpoint: Some(seen.endpoint.clone()),
            ..Finding::of_policy(code, seen.place, name)
        }
    }
}

/// `salestim.io` of `app.salestim.io`.
fn registered(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (Some(_), Some(second)) = (dots.next(), dots.next()) else {
        return name;
    };
    let two = name.get(second + 1..).unwrap_or(name);
    match SECOND_LEVEL.contains(&two) {
        false => two,
        true => dots.next().and_then(|third| name.get(third + 1..)).unwrap_or(name),
    }
}

/// Domains that one slip sets apart. Both may be right, as may `nbold.io` beside `nbold.co`: then it is worth knowing too.
fn near(domains: &Domains, found: &mut Found) {
    let mut buckets: HashMap<u64, Vec<&str>> = HashMap::new();
    for (name, _) in domains.all().filter(|(name, _)| name.len() >= SHORTEST) {
        for key in keys(name) {
            buckets.entry(key).or_default().push(name);
        }
    }
    for (name, seen) in &domains.listed {
        let mut like: Vec<(&str, Option<&Seen>)> = Vec::new();
        for other in keys(name).filter_map(|key| buckets.get(&key)).flatten() {
            if *other == name || like.iter().any(|(known, _)| known == other) || !is_a_slip(name, other) {
                continue;
            }
            let theirs = domains.listed.get(*other);
            // Of two in the policy, the later is told of the earlier.
            if theirs.is_none_or(|theirs| theirs.order < seen.order) && like.len() < LIKENESSES_AT_MOST {
                like.push((other, theirs));
            }
        }
        // Who is known to be right is no slip.
        if domains.known.contains_key(name) && like.iter().any(|(other, _)| domains.known.contains_key(*other)) {
            continue;
        }
        for (other, theirs) in like {
            let whose = match theirs {
                Some(theirs) => format!("which the row `{}` lists", theirs.endpoint),
                None => "which is well known".to_owned(),
            };
            found.add(domains.finding(Code::NearDuplicate, name, seen).says(
                format!("`{name}` is one letter away from `{other}`, {whose}: one of them may be a slip, and a slip lets a stranger through"),
                "look up who owns both, and remove what is not meant",
            ));
        }
    }
}

/// The name, and the name without each of its letters.
fn keys(name: &str) -> impl Iterator<Item = u64> + '_ {
    let without = |at: usize| {
        let mut hasher = DefaultHasher::new();
        name.bytes()
            .enumerate()
            .filter(|(i, _)| *i != at)
            .for_each(|(_, byte)| byte.hash(&mut hasher));
        hasher.finish()
    };
    std::iter::once(usize::MAX).chain(0..name.len()).map(without)
}

/// One letter put in, taken out or changed, or two neighbours swapped; but a digit for a digit is a series: `cdn1`, `cdn2`.
pub(in crate::policy) fn is_a_slip(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(head..).unwrap_or(&[]), b.get(head..).unwrap_or(&[]));
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let a = a.get(..a.len() - tail).unwrap_or(&[]);
    let b = b.get(..b.len() - tail).unwrap_or(&[]);
    match (a, b) {
        ([x], [y]) => !(x.is_ascii_digit() && y.is_ascii_digit()),
        ([x], []) | ([], [x]) => !x.is_ascii_digit(),
        ([x, y], [z, w]) => x == w && y == z,
        _ => false,
    }
}

/// Domains that look the same and are not.
fn look_alikes(domains: &Domains, found: &mut Found) {
    let mut by_look: HashMap<String, &str> = HashMap::new();
    // The known ones first: it is the other one that is told.
    let known = domains.known.keys().map(String::as_str);
    let mut listed: Vec<_> = domains.listed.iter().collect();
    listed.sort_by_key(|(_, seen)| seen.order);
    for name in known.chain(listed.iter().map(|(name, _)| name.as_str())) {
        by_look.entry(look(name)).or_insert(name);
    }
    for (name, seen) in listed {
        let Some(other) = by_look.get(&look(name)).filter(|other| **other != name) else {
            continue;
        };
        // A slip has been told of already.
        if !is_a_slip(name, other) && !domains.known.contains_key(name) {
            found.add(domains.finding(Code::LookAlike, name, seen).says(
                format!("`{name}` looks like `{other}` and is somebody else's"),
                format!("write `{other}` if that is meant"),
            ));
        }
    }
}

/// How a name looks at a glance: letters of other alphabets as the Latin ones they look like, `0` as `o`, `rn` as `m`.
fn look(name: &str) -> String {
    let shown = punycode::shown(name);
    let latin: String = shown.as_deref().unwrap_or(name).chars().map(latin).collect();
    latin.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

fn latin(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'ö' | 'ó' | 'ò' | 'ô' => 'o',
        '1' | 'і' | 'ӏ' | 'ι' | 'ı' | 'í' | 'ì' | 'i' | 'ї' => 'l',
        'а' | 'α' | 'ä' | 'á' | 'à' | 'å' => 'a',
        'е' | 'ё' | 'é' | 'è' | 'ê' | 'ë' => 'e',
        'р' | 'ρ' => 'p',
        'с' | 'ç' => 'c',
        'у' | 'ý' => 'y',
        'х' | 'χ' => 'x',
        'ѕ' | 'ś' | 'š' => 's',
        'ј' => 'j',
        'ԁ' => 'd',
        'һ' => 'h',
        'к' | 'κ' => 'k',
        'м' => 'm',
        'т' | 'τ' => 't',
        'ν' => 'v',
        'ü' | 'ú' | 'υ' => 'u',
        'ñ' | 'п' => 'n',
        'ԛ' => 'q',
        'ԝ' | 'ω' => 'w',
        'ɡ' => 'g',
        other => other,
    }
}

/// Names in A-labels: nobody reads those.
fn idn(standing: &Standing, found: &mut Found) {
    for listed in standing.hosts().filter(|listed| listed.host.name.contains("xn--")) {
        let place = standing.place_of(&listed);
        let finding = standing.finding(Code::Idn, place, listed.host);
        found.add(match punycode::shown(&listed.host.name) {
            Some(shown) => finding.says(
                format!("browsers may show it as `{}`", escaped(&shown)),
                "make sure that this is the name that is meant",
            ),
            None => finding.says(
                "it is no A-label that can be decoded, so that no name leads to it",
                "correct or remove it",
            ),
        });
    }
}

/// Letters alone are shown; what else an A-label can hold is spelt out.
fn escaped(text: &str) -> String {
    let spelt = |c: char| match c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
        true => c.to_string(),
        false => c.escape_unicode().to_string(),
    };
    text.chars().map(spelt).collect()
}

/// Hosts that come with others and are in no row.
fn companions(case: &Case, found: &mut Found) {
    for (domain, needed) in COMPANIONS {
        let is_listed = |standing: &Standing| {
            let of_it = |host: &HostPattern| *host.name == *domain || host.name.ends_with(&format!(".{domain}"));
            standing
                .hosts()
                .find(|listed| !listed.broad && of_it(listed.host))
                .map(|listed| standing.place_of(&listed))
        };
        let own = |place: &Place| case.loaded.places.is_own(*place);
        let Some((standing, place)) = case
            .rows_in_force()
            .find_map(|standing| is_listed(&standing).filter(own).map(|place| (standing, place)))
        else {
            continue;
        };
        let lacking: Vec<&&str> = needed
            .iter()
            .filter(|name| {
                let host = HostPattern {
                    name: (**name).into(),
                    below: false,
                };
                !is_covered(case.policy(), &host, case.as_of)
            })
            .collect();
        if lacking.is_empty() {
            continue;
        }
        // An `x.` stands for any name below: the wildcard is what is missing.
        let names = lacking.iter().map(|name| match name.strip_prefix("x.") {
            Some(rest) => format!("`*.{rest}`"),
            None => format!("`{name}`"),
        });
        let names = some(names.collect::<Vec<_>>().iter());
        found.add(standing.finding(Code::Companion, place, domain).says(
            format!(
                "the service of `{domain}` uses {names} too, in no row here: a firewall made of this policy blocks them"
            ),
            "ask the vendor, look at a capture for what is used and unlisted, and list what is",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, findings, hosts, of_row, only};
    use super::*;

    #[test]
    fn the_domain_is_what_somebody_registers() {
        assert_eq!(registered("app.salestim.io"), "salestim.io");
        assert_eq!(registered("a.b.example.co.uk"), "example.co.uk");
        assert_eq!(registered("co.uk"), "co.uk");
        assert_eq!(registered("io"), "io");
    }

    #[test]
    fn one_slip_is_told_from_two_and_from_a_series() {
        for (a, b) in [
            ("nbold.io", "nbold.co"),
            ("graph.example", "grpah.example"),
            ("salestim.io", "salestm.io"),
            ("a.com", "a.co"),
        ] {
            assert!(is_a_slip(a, b) && is_a_slip(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("cdn1.example", "cdn2.example"),
            ("cdn1.example", "cdn.example"),
            ("intercom.io", "intercom.com"),
            ("a", "a"),
        ] {
            assert!(!is_a_slip(a, b) && !is_a_slip(b, a), "{a} {b}");
        }
    }

    #[test]
    fn a_name_one_letter_off_is_told() {
        let found = findings(&(hosts("a", "\"*.lorem.ipsum.example\"") + &hosts("b", "\"x.loren.ipsum.example\"")));
        assert!(!codes(&found).contains(&Code::NearDuplicate), "one domain");
        let found = findings(&(hosts("a", "\"*.loremipsum.test\"") + &hosts("b", "\"x.loremipsun.test\"")));
        let finding = only(&found, Code::NearDuplicate);
        assert_eq!(
            (finding.subject.as_str(), finding.endpoint.as_deref()),
            ("loremipsun.test", Some("b"))
        );
        assert!(finding.means.contains("`loremipsum.test`, which the row `a` lists"));
        let found = of_row("hosts = [\"graph.mircosoft.com\"]");
        assert!(
            only(&found, Code::NearDuplicate)
                .means
                .contains("`microsoft.com`, which is well known")
        );
        assert!(!codes(&of_row("hosts = [\"graph.microsoft.com\"]")).contains(&Code::NearDuplicate));
        let both = of_row("hosts = [\"*.nbold.co\", \"*.nbold.io\"]");
        only(&both, Code::NearDuplicate);
    }

    #[test]
    fn names_that_look_like_others_are_told() {
        // Cyrillic letters, and a zero.
        for host in ["xn--mirosoft-gch.com", "m1cr0soft.com", "rnicrosoft.com"] {
            let found = of_row(&format!("hosts = [\"{host}\"]"));
            assert!(
                only(&found, Code::LookAlike).means.contains("`microsoft.com`"),
                "{host}"
            );
        }
        assert!(
            only(&of_row("hosts = [\"xn--mnchen-3ya.example\"]"), Code::Idn)
                .means
                .contains("münchen")
        );
        assert!(!codes(&of_row("hosts = [\"microsoft.com\"]")).contains(&Code::LookAlike));
        only(&of_row("hosts = [\"xn--99999999999.example\"]"), Code::Idn);
    }

    #[test]
    fn who_lists_a_service_half_is_told_the_other_half() {
        let found = of_row("hosts = [\"*.nbold.co\"]");
        assert!(only(&found, Code::Companion).means.contains("`assets.nbold.io`"));
        assert!(!codes(&of_row("hosts = [\"*.nbold.co\", \"*.nbold.io\"]")).contains(&Code::Companion));
        let found = of_row("hosts = [\"*.intercom.io\"]");
        assert!(
            only(&found, Code::Companion)
                .means
                .contains("`*.intercom-messenger.com`")
        );
    }
}
