use super::*;
use crate::policy::load::load;

const TODAY: Date = Date {
    year: 2026,
    month: 2,
    day: 1,
};

fn policy(text: &str) -> Policy {
    load(text, "lab", &mut |_| Err(String::new())).unwrap().policy
}

fn row(id: &str, lines: &str) -> String {
    let ports = if lines.contains("ports") {
        ""
    } else {
        "ports = [\"tcp/443\"]"
    };
    format!("[[endpoint]]\nid = \"{id}\"\nclass = \"c\"\n{lines}\n{ports}\n")
}

fn between(old: &str, new: &str) -> Comparison {
    compare(&policy(old), &policy(new), TODAY)
}

/// `+host ports` and `-host ports`.
fn access(found: &Comparison) -> Vec<String> {
    let spell = |access: &Access| {
        let sign = if access.gate == Gate::Opened { '+' } else { '-' };
        let place = match &access.place {
            Place::Host(host) => host.to_string(),
            Place::Range(range) => range.to_string(),
        };
        let except: Vec<String> = access.except.iter().map(ToString::to_string).collect();
        let except = if except.is_empty() {
            String::new()
        } else {
            format!(" but {}", except.join(","))
        };
        format!("{sign}{place} {}{except}", access.ports.words().join(","))
    };
    found.access.iter().map(spell).collect()
}

#[test]
fn a_policy_is_equal_to_itself_and_to_its_other_order() {
    let (a, b) = (
        row("a", "hosts = [\"*.a.example\", \"b.example\"]"),
        row("b", "addresses = [\"192.0.2.0/24\"]"),
    );
    assert!(between(&(a.clone() + &b), &(a.clone() + &b)).is_empty());
    let turned = row("a", "hosts = [\"b.example\", \"*.a.example\"]");
    assert!(between(&(a + &b), &(b + &turned)).is_empty());
}

#[test]
fn rows_are_matched_by_id_and_then_by_content() {
    let old = row("a", "hosts = [\"a.example\"]")
        + &row("b", "hosts = [\"b.example\"]")
        + &row("gone", "hosts = [\"g.example\"]");
    let new = row(
        "a",
        "hosts = [\"a.example\", \"c.example\"]\nports = [\"tcp/443\", \"udp/443\"]\ntls = [\"1.2\"]",
    ) + &row("renamed", "hosts = [\"b.example\"]")
        + &row("new", "hosts = [\"n.example\"]");
    let found = between(&old, &new);
    let pair = |change: &RowChange| {
        (
            change.old.clone().unwrap_or_default(),
            change.new.clone().unwrap_or_default(),
        )
    };
    let pairs: Vec<_> = found.rows.iter().map(pair).collect();
    let text = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        pairs,
        [text("a", "a"), text("gone", ""), text("", "new"), text("b", "renamed")]
    );
    let keys: Vec<_> = found.rows[0]
        .fields
        .iter()
        .map(|field| (field.key, field.added.join(","), field.removed.join(",")))
        .collect();
    assert_eq!(
        keys,
        [
            ("hosts", "c.example".into(), String::new()),
            ("ports", "udp/443".into(), String::new()),
            ("tls", "1.2".into(), "any".into()),
        ]
    );
    assert_eq!(
        access(&found),
        [
            "+a.example udp/443",
            "+c.example tcp/443,udp/443",
            "+n.example tcp/443",
            "-g.example tcp/443",
        ]
    );
}

#[test]
fn what_another_wildcard_covers_is_still_let_through() {
    let wild = row("w", "hosts = [\"*.a.example\"]");
    let old = wild.clone() + &row("x", "hosts = [\"x.a.example\", \"*.b.a.example\"]");
    let found = between(&old, &wild);
    assert_eq!((found.rows.len(), access(&found)), (1, Vec::new()));
    // On a port that the wildcard has not, it is not.
    let old = wild.clone() + &row("x", "hosts = [\"x.a.example\"]\nports = [\"tcp/443\", \"tcp/80\"]");
    assert_eq!(access(&between(&old, &wild)), ["-x.a.example tcp/80"]);
}

#[test]
fn a_wildcard_that_goes_takes_its_names_with_it_but_those_listed() {
    let old = row("w", "hosts = [\"*.a.example\", \"y.a.example\"]");
    let new = row("w", "hosts = [\"x.a.example\"]");
    assert_eq!(access(&between(&old, &new)), ["-*.a.example tcp/443 but x.a.example"]);
    assert_eq!(access(&between(&new, &old)), ["+*.a.example tcp/443 but x.a.example"]);
}

#[test]
fn ranges_merged_or_split_are_equal() {
    let whole = row("r", "addresses = [\"52.112.0.0/14\"]");
    let split = row(
        "r",
        "addresses = [\"52.112.0.0/15\", \"52.114.0.0/16\", \"52.115.0.0/16\"]",
    );
    let found = between(&whole, &split);
    assert_eq!((found.rows.len(), access(&found)), (1, Vec::new()));
    let less = row("r", "addresses = [\"52.112.0.0/15\", \"52.115.0.0/16\"]");
    assert_eq!(access(&between(&whole, &less)), ["-52.114.0.0/16 tcp/443"]);
    let nested = whole.clone()
        + &row(
            "m",
            "addresses = [\"52.113.0.0/16\", \"2001:db8::/32\"]\nports = [\"udp/3478-3481\", \"tcp/443\"]",
        );
    assert_eq!(
        access(&between(&whole, &nested)),
        ["+52.113.0.0/16 udp/3478-3481", "+2001:db8::/32 tcp/443,udp/3478-3481"]
    );
    let all = row("r", "addresses = [\"0.0.0.0/0\", \"::/0\"]\nports = []");
    assert_eq!(
        access(&between(&all, &row("r", "hosts = [\"a.example\"]"))),
        ["+a.example tcp/443", "-0.0.0.0/0 every port", "-::/0 every port"]
    );
}

#[test]
fn what_is_over_lets_nothing_through() {
    let active = row("a", "hosts = [\"a.example\"]");
    let over = row("a", "hosts = [\"a.example\"]\nstatus = \"retired\"\nuntil = 2026-02-01");
    assert_eq!(access(&between(&active, &over)), ["-a.example tcp/443"]);
    let before = Date { month: 1, ..TODAY };
    let early = compare(&policy(&active), &policy(&over), before);
    assert_eq!((early.rows.len(), access(&early)), (1, Vec::new()));
    assert_eq!(
        access(&between(
            &active,
            &row("a", "line = \"orange\"\nhosts = [\"a.example\"]")
        )),
        ["-a.example tcp/443"]
    );
}

#[test]
fn many_rows_of_nested_ranges_cost_no_square() {
    let list = |start: u32| {
        (start..start + 20_000)
            .map(|n| format!("\"10.{}.{}.0/24\"", n / 256 % 256, n % 256))
            .collect::<Vec<_>>()
            .join(",")
    };
    let old = row("w", "addresses = [\"10.0.0.0/8\"]")
        + &row("a", &format!("addresses = [{}]\nports = [\"udp/1\"]", list(0)));
    let new = row("w", "addresses = [\"10.0.0.0/8\"]")
        + &row("a", &format!("addresses = [{}]\nports = [\"udp/1\"]", list(1)));
    assert_eq!(
        access(&between(&old, &new)),
        ["+10.78.32.0/24 udp/1", "-10.0.0.0/24 udp/1"]
    );
}
