use super::*;
use crate::policy::load::load;
use proptest::prelude::*;

/// Hostile words wherever a policy has free text; the tests with the products themselves use it too.
const LAB: &str = include_str!("../../../tests/exports/lab.toml");

fn policy(text: &str) -> Policy {
    load(text, "test", &mut |_| Err("no".into())).unwrap().policy
}

fn export(format: Format, text: &str) -> Export {
    let policy = policy(text);
    write(format, &Choice::of(&policy, &[], None), Some("proxy.example:8080"))
}

/// The lines that are no comments.
fn lines(format: Format) -> Vec<String> {
    let text = export(format, LAB).text;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn rows_are_chosen_by_class_and_day_and_what_is_left_out_is_told() {
    let policy = policy(LAB);
    let told = |classes: &[&str], day: Option<&str>| {
        let classes: Vec<String> = classes.iter().map(|class| (*class).to_owned()).collect();
        let choice = Choice::of(&policy, &classes, day.map(|day| Date::parse(day).unwrap()));
        let rows: Vec<&str> = choice.rows.iter().map(|chosen| chosen.row.id.as_str()).collect();
        (rows.join(" "), choice.left_out_line().unwrap_or_default())
    };
    assert_eq!(
        told(&[], None),
        (
            "lab-app exact relay".to_owned(),
            "3 rows are left out: gone (retired since 2025-01-15; here.example takes its place), \
             to-come (not before 2027-01-01), inside (inside the platform)"
                .to_owned()
        )
    );
    assert_eq!(told(&["lab"], Some("2025-01-14")).0, "lab-app exact gone");
    assert_eq!(told(&["lab"], Some("2027-01-01")).0, "lab-app exact to-come");
    assert_eq!(
        told(&["media", "insides"], None),
        ("relay inside".to_owned(), String::new())
    );
}

#[test]
fn plain_lists_are_in_each_products_spelling() {
    for (format, wanted) in [
        (
            Format::EdlUrl,
            "*.lab.example/|deep.app.lab.example/|exact.example/|constructor.example/|__proto__/|tostring/|-i.example/",
        ),
        (
            Format::EdlDomain,
            "*.lab.example|deep.app.lab.example|exact.example|constructor.example|__proto__|tostring|-i.example",
        ),
        (
            Format::EdlIp,
            "198.18.1.12/32 relay|198.18.2.0/24 exact|2001:db8:2::/48 exact",
        ),
        (
            Format::PfsenseHosts,
            "deep.app.lab.example lab-app|exact.example exact|constructor.example exact|__proto__ exact|tostring exact|-i.example exact",
        ),
        (
            Format::PfsenseNetworks,
            "198.18.1.12/32 relay|198.18.2.0/24 exact|2001:db8:2::/48 exact",
        ),
        (
            Format::PfsensePorts,
            "443 lab-app exact|80 exact|8443 relay|3478:3481 relay",
        ),
        (
            Format::Hosts,
            "deep.app.lab.example|exact.example|constructor.example|__proto__|tostring|-i.example",
        ),
    ] {
        assert_eq!(lines(format).join("|"), wanted, "{format:?}");
    }
}

#[test]
fn squid_takes_every_value_on_a_line_of_its_own() {
    assert_eq!(
        lines(Format::Squid),
        [
            "acl flowsift_connect method CONNECT",
            "acl f1_lab_app_host dstdomain -n .lab.example",
            "acl f1_lab_app_tls port 443",
            "http_access allow flowsift_connect f1_lab_app_host f1_lab_app_tls",
            "acl f2_exact_host dstdomain -n exact.example",
            "acl f2_exact_host dstdomain -n constructor.example",
            "acl f2_exact_host dstdomain -n __proto__",
            "acl f2_exact_host dstdomain -n tostring",
            "acl f2_exact_host dstdomain -n -- -i.example",
            "acl f2_exact_tls port 443",
            "http_access allow flowsift_connect f2_exact_host f2_exact_tls",
            "acl f2_exact_plain port 80",
            "http_access allow !flowsift_connect f2_exact_host f2_exact_plain",
            "acl f3_relay_dst dst 198.18.1.12/32",
            "acl f3_relay_plain port 8443",
            "http_access allow f3_relay_dst f3_relay_plain",
        ]
    );
}

#[test]
fn nftables_has_sets_and_rules_of_them() {
    let lines = lines(Format::Nftables);
    let rules: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| line.contains(" accept"))
        .collect();
    assert_eq!(
        rules[rules.len() - 3..],
        [
            "ip6 daddr @f2_exact_names6 udp dport @f2_exact_udp accept comment \"exact\"",
            "ip daddr @f3_relay_4 tcp dport @f3_relay_tcp accept comment \"relay\"",
            "ip daddr @f3_relay_4 udp dport @f3_relay_udp accept comment \"relay\"",
        ]
    );
    assert!(lines.contains(&"198.18.2.0/24,".to_owned()));
    assert!(!lines.contains(&"198.18.2.0/28,".to_owned()), "lies in the other");
    assert!(lines.contains(&"3478-3481,".to_owned()));
}

#[test]
fn what_is_lost_is_counted_by_kind() {
    for (format, kinds) in [
        (
            Format::Squid,
            &[
                "`.x` lets the name x",
                "Squid carries TCP alone (2)",
                "the addresses of rows",
                "rows known by address",
            ][..],
        ),
        (Format::Pac, &["a PAC file is not asked", "a PAC file sees names"]),
        (
            Format::Nftables,
            &["nftables knows no names", "an address lets through whatever"],
        ),
        (
            Format::Dnsmasq,
            &[
                "`/x/` has the name x",
                "`/x/` has all names below x",
                "rows known by address",
            ],
        ),
        (Format::EdlUrl, &["a list has no ports", "rows known by address"]),
        (
            Format::PfsenseHosts,
            &[
                "wildcards cannot be resolved (1): *.lab.example of lab-app",
                "rows known by",
                "a name is what",
            ],
        ),
        (
            Format::Hosts,
            &[
                "a list of names has no wildcards",
                "a list of names has no ports",
                "rows known by address",
            ],
        ),
        (Format::Csv, &[]),
    ] {
        let lines = export(format, LAB).losses.lines();
        for kind in kinds {
            assert!(
                lines.iter().any(|line| line.starts_with(kind)),
                "{format:?}: {kind} is not in {lines:#?}"
            );
        }
        assert_eq!(lines.is_empty(), kinds.is_empty(), "{format:?}: {lines:#?}");
    }
}

#[test]
fn csv_and_json_say_it_all() {
    let text = export(Format::Csv, LAB).text;
    assert!(text.lines().all(|line| line.matches("\"\"").count() % 2 == 0));
    assert!(
        text.contains("exact,lab,none,active,false,address,198.18.2.0/28,,tcp/443 tcp/80 udp/443,1.2 1.3,,,,,\r\n")
    );
    let json: serde_json::Value = serde_json::from_str(&export(Format::Json, LAB).text).unwrap();
    assert_eq!(json["policy"]["title"], policy(LAB).header().title);
    assert_eq!(json["endpoints"][1]["addresses"].as_array().unwrap().len(), 3);
    assert_eq!(json["endpoints"][2]["tls"], false);
    assert_eq!(json["left_out"][2]["why"], "inside the platform");
}

#[test]
fn ranges_in_each_other_are_told_once() {
    let prefix = |text: &str| {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
    };
    let all = [
        "10.1.0.0/16",
        "2001:db8::/32",
        "10.0.0.0/8",
        "10.1.2.0/24",
        "::/0",
        "11.0.0.0/8",
        "10.0.0.0/8",
    ];
    let told: Vec<String> = disjoint(all.into_iter().map(prefix).collect())
        .iter()
        .map(Prefix::to_string)
        .collect();
    assert_eq!(told, ["10.0.0.0/8", "11.0.0.0/8", "::/0"]);
}

proptest! {
    /// Nothing of a policy's texts ends a line, and what they say stands in comments, quotes and cells alone.
    #[test]
    fn texts_break_out_of_nothing(title in any::<String>(), source in "\\PC{0,20}[\r\n\"'\\\\#/*{};]{0,8}\\PC{0,20}") {
        let plain = policy(LAB);
        let text = LAB.replace("known by address alone", "TITLE").replace("line one", "SOURCE");
        let spelt = |text: &str| { let quoted = crate::policy::spelling::toml(text); quoted[1..quoted.len() - 1].to_owned() };
        let hostile = policy(&text.replace("TITLE", &spelt(&title)).replace("SOURCE", &spelt(&source)));
        for (word, format) in Format::WORDS {
            if matches!(format, Format::Csv | Format::Json) {
                continue;
            }
            let bare = |policy: &Policy| -> Vec<String> {
                let text = write(format, &Choice::of(policy, &[], None), None).text;
                let is_comment = |line: &str| line.trim_start().starts_with('#') || line.starts_with("//");
                text.split(['\n', '\r']).filter(|line| !is_comment(line)).map(str::to_owned).collect()
            };
            prop_assert_eq!(bare(&hostile), bare(&plain), "{}", word);
        }
    }
}

#[test]
fn squid_asks_for_a_tunnel_where_any_port_will_do_but_tls_is_wanted() {
    let row = |tls: &str| format!("[[endpoint]]\nid = \"a\"\nclass = \"c\"\nhosts = [\"x.example\"]\n{tls}\n");
    let rule = |tls: &str| {
        let text = export(Format::Squid, &row(tls)).text;
        text.lines()
            .find(|line| line.starts_with("http_access"))
            .map(str::to_owned)
    };
    assert_eq!(rule("").unwrap(), "http_access allow flowsift_connect f1_a_host");
    assert_eq!(rule("tls = false").unwrap(), "http_access allow f1_a_host");
}
