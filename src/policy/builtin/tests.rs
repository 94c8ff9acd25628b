use super::*;
use crate::names::domain::Domain;
use crate::policy::compile::{Matches, Policy};
use crate::policy::load::load;
use crate::policy::model::{Line, Status, TlsRule};

fn salestim() -> Policy {
    let loaded = load(policy(DEFAULT).unwrap(), DEFAULT, &mut |_| Err("no".into())).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.policy
}

#[test]
fn the_built_in_policy_has_every_row_and_reads_without_a_warning() {
    let policy = salestim();
    assert_eq!(policy.name(), DEFAULT);
    assert_eq!(
        policy.classes(),
        [
            "salestim",
            "salestim-help",
            "telemetry",
            "storage",
            "graph",
            "intercom",
            "internal",
            "supplier",
            "teams",
            "microsoft365"
        ]
    );
    let count = |class: &str| policy.rows().filter(|(_, row)| row.class == class).count();
    assert_eq!(count("teams"), 6);
    // 63 sets, of which 12 are gathered in the rows of teams and telemetry.
    assert_eq!(count("microsoft365"), 51);
    for (_, row) in policy.rows().filter(|(_, row)| row.line == Line::Green) {
        assert_eq!(row.expect, crate::policy::model::Expectation::https(), "{}", row.id);
        assert!(row.since.is_some());
    }
    for (_, row) in policy.rows().filter(|(_, row)| row.class == "internal") {
        assert_eq!(row.line, Line::Orange);
    }
}

#[test]
fn rows_carry_what_the_sets_say() {
    let policy = salestim();
    let row = |id: &str| policy.rows().find(|(_, row)| row.id == id).unwrap().1;
    let media = row("teams-media");
    assert!(media.is_nameless());
    assert_eq!(media.expect.ports[0].to_string(), "udp/3478-3481");
    assert_eq!(media.expect.tls, TlsRule::PlainAllowed);
    assert_eq!(row("teams").addresses.len(), 9);
    assert_eq!(row("sign-in").addresses.len(), 16);
    assert_eq!(row("sign-in").anywhere.len(), 10);
    assert_eq!(row("m365-117").hosts[0].to_string(), "*.yammer.com");
    assert_eq!(row("m365-51").broad[0].to_string(), "*.onenote.net");
    assert_eq!(row("web-app").tagged.len(), 192);
    let script = row("app-insights-script");
    assert_eq!(script.status, Status::Retired);
    assert_eq!(script.replaced_by.as_deref(), Some("js.monitor.azure.com"));
}

/// The rows of a name, the primary first.
fn ids(policy: &Policy, name: &str) -> Vec<String> {
    let mut out = Matches::new();
    policy.matches(Some(&Domain::from_text(name.as_bytes())), None, &mut out);
    out.iter().map(|found| policy.row(found.row).id.clone()).collect()
}

#[test]
fn names_fall_under_their_rows_the_most_specific_first() {
    let policy = salestim();
    for (name, rows) in [
        ("app.salestim.io", &["web-app"][..]),
        ("a.b.salestim.io", &["web-app"]),
        ("salestim.io", &[]),
        ("evilsalestim.io", &[]),
        ("app.salestim.io.evil.example", &[]),
        ("help.nbold.co", &["help"]),
        ("assets.nbold.io", &[]),
        ("graph.microsoft.com", &["graph", "m365-50", "m365-78"]),
        ("foo.microsoft.com", &["m365-50", "m365-78", "graph"]),
        ("teams.microsoft.com", &["teams", "m365-50", "m365-78", "graph"]),
        ("login.windows.net", &["sign-in", "storage"]),
        ("stappsaprd.blob.core.windows.net", &["storage"]),
        ("other.blob.core.windows.net", &["storage"]),
        ("x.redis.cache.windows.net", &["redis", "storage"]),
        (
            "az416426.vo.msecnd.net",
            &["app-insights-script", "sign-in", "app-insights"],
        ),
        ("js.monitor.azure.com", &[]),
        ("dc.services.visualstudio.com", &["app-insights"]),
        ("outlook.office365.com", &["m365-1", "m365-2", "m365-71"]),
        ("site-cdn.onenote.net", &["m365-51"]),
        (
            "mobile.pipe.aria.microsoft.com",
            &["m365-telemetry", "m365-50", "m365-78", "graph"],
        ),
        ("widget.intercom.io", &["intercom"]),
        ("m.stripe.network", &["stripe"]),
        ("dev.botframework.com", &["bots"]),
    ] {
        assert_eq!(ids(&policy, name), rows, "{name}");
    }
}
