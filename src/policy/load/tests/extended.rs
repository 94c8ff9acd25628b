//! Tags, and reviews of policies that extend others.

use super::*;

const TAGS: &str = r#"
[[tag]]
name = "Lab.One"
change = 7
cloud = "Public"
region = ""
platform = "Azure"
service = "Lab"
addresses = ["198.18.0.0/24", "2001:db8::/32"]
"#;

#[test]
fn tags_are_named_ranges_of_the_file_or_of_one_that_it_extends() {
    let row = with("addresses = [\"@Lab.One\", \"192.0.2.0/24\", \"@Lab.One\"]");
    let own = read(&format!("{TAGS}{row}")).unwrap();
    assert_eq!(own.warnings, []);
    let base = load(&format!("[policy]\nextends = [\"t\"]\n{row}"), "top", &mut |wanted| {
        found(wanted, TAGS)
    });
    let base = base.unwrap();
    assert_eq!(base.warnings, [], "a file of tags alone is there to be extended");
    for policy in [own.policy, base.policy] {
        let (_, row) = policy.rows().next().unwrap();
        assert_eq!(row.tags, ["Lab.One"]);
        assert_eq!(row.addresses.len(), 1);
        assert_eq!(
            row.tagged.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["198.18.0.0/24", "2001:db8::/32"]
        );
    }
    assert_eq!(read(TAGS).unwrap().warnings.len(), 1, "no rows of its own");
    let far = fails(&format!("{TAGS}{}", with("addresses = [\"@Lab.Two\"]")));
    assert!(
        far.ends_with(
            "no tag `Lab.Two` is known; known are AzureFrontDoor.Frontend, Lab.One; did you mean `@Lab.One`?"
        ),
        "{far}"
    );
}

#[test]
fn a_newer_file_of_tags_takes_the_place_of_the_ranges_brought_along() {
    let newer = TAGS.replace("Lab.One", "AzureFrontDoor.Frontend");
    let text = "[policy]\nextends = [\"salestim\", \"newer.toml\"]\n";
    let policy = load(text, "top", &mut |wanted| found(wanted, newer.clone()))
        .unwrap()
        .policy;
    let (_, web_app) = policy.rows().next().unwrap();
    assert_eq!(web_app.id, "web-app");
    assert_eq!(web_app.tagged.len(), 2);
}

#[test]
fn a_tag_has_a_name_and_addresses_and_each_name_once() {
    for (text, told) in [
        (
            "[[tag]]\naddresses = [\"192.0.2.1\"]",
            "lab.toml:1:1: this tag has no `name`",
        ),
        ("[[tag]]\nname = \"a\"", "lab.toml:1:1: tag `a` has no `addresses`"),
        (
            "[tag]\nname = \"a\"",
            "lab.toml:1:1: every tag is a table of its own; did you mean [[tag]]?",
        ),
        (
            "[[tag]]\nnane = \"a\"",
            "lab.toml:2:1: unknown key `nane` in [[tag]]; did you mean `name`?",
        ),
    ] {
        assert_eq!(fails(text), told);
    }
    assert!(fails(&format!("{TAGS}{TAGS}")).contains("a second tag has the name `Lab.One`"));
}

#[test]
fn rows_age_with_the_policy_they_come_from() {
    let old = "[policy]\nname = \"old\"\ndate = 2020-01-01\nreview_days = 90\n";
    let own = "[policy]\nname = \"own\"\nextends = [\"old.toml\"]\ndate = 2026-11-01\nreview_days = 30\n";
    let policy = load(own, "top", &mut |wanted| found(wanted, format!("{old}{}", with(""))))
        .unwrap()
        .policy;
    let review = policy.header().review().unwrap();
    assert_eq!(
        (review.policy.as_str(), review.due_ns),
        ("old", 1_585_699_200_000_000_000)
    );
    assert_eq!(policy.header().own_review().unwrap().policy, "own");
    assert_eq!(policy.header().date.unwrap().to_string(), "2026-11-01");
}
