//! A proxy auto-configuration file: what the policy lists goes straight out, the rest through the proxy.
//!
//! | policy | JavaScript |
//! | --- | --- |
//! | `app.x` | the key `.app.x` in `flowsiftExact` |
//! | `*.x`, without `x` | the key `.x` in `flowsiftBelow`, asked for at every dot of the name but its first letter |
//! | ports | the port of the URL, by its scheme where it has none |
//!
//! The usual helpers are not used: `shExpMatch(host, "*.x")` lets `a.x.evil` or `/?.x` pass where a pattern is loose,
//! `dnsDomainIs(host, "x")` takes `evilx` for `x`, and `isInNet` asks the resolver for every URL. Every key begins with a dot, so
//! that no name from the policy or the URL is a property that JavaScript objects have of their own (`constructor`, `__proto__`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Choice, Export, Losses};
use crate::policy::model::TCP;
use crate::policy::spelling::json;

const NO_PROXY: &str = "PROXY proxy.example.invalid:8080";
const NAMELESS: &str = "a PAC file sees names: rows known by address alone are not in it";
const NOT_TCP: &str = "a PAC file is not asked about anything but URLs over TCP";
const BROAD: &str = "broad hosts are not listed";
const UNKNOWN_PROXY: &str = "without --proxy HOST:PORT the rest goes to a proxy that does not exist";

/// A name and its ports; an empty list is any port.
type Names = BTreeMap<String, Vec<(u16, u16)>>;

pub fn write(choice: &Choice, proxy: Option<&str>) -> Export {
    let mut losses = Losses::default();
    let (mut exact, mut below) = (Names::new(), Names::new());
    for chosen in &choice.rows {
        let id = &chosen.row.id;
        losses.note_all(BROAD, chosen.row.broad.iter().map(|host| format!("{host} of {id}")));
        losses.note_all(NOT_TCP, chosen.other_transports());
        if chosen.row.is_nameless() {
            losses.note(NAMELESS, id);
            continue;
        }
        let Some(ports) = chosen.ports(TCP) else {
            continue;
        };
        let ports: Vec<(u16, u16)> = ports.iter().map(|range| (range.first, range.last)).collect();
        for host in &chosen.row.hosts {
            let names = if host.below { &mut below } else { &mut exact };
            add(names, &host.name, &ports);
        }
    }
    if proxy.is_none() {
        losses.note(UNKNOWN_PROXY, NO_PROXY);
    }
    let other = proxy.map_or(NO_PROXY.to_owned(), |proxy| format!("PROXY {proxy}"));
    let mut text = choice.heading("// ");
    for chosen in choice.rows.iter().filter(|chosen| chosen.is_optional()) {
        let _ = writeln!(text, "// {}", chosen.title());
    }
    text.push_str(&losses.comments("// "));
    let _ = writeln!(
        text,
        "\nvar flowsiftListed = \"DIRECT\";\nvar flowsiftOther = {};",
        json(&other)
    );
    text.push_str("\n// Ports as [first, last]; none: any port.\n");
    table(&mut text, "flowsiftExact", &exact);
    table(&mut text, "flowsiftBelow", &below);
    text.push_str(CODE);
    Export { text, losses }
}

/// Two rows may list a name, each with ports; one that allows any port allows them all.
fn add(names: &mut Names, name: &str, ports: &[(u16, u16)]) {
    match names.get_mut(name) {
        None => {
            names.insert(name.to_owned(), ports.to_vec());
        }
        Some(known) if known.is_empty() || ports.is_empty() => known.clear(),
        Some(known) => known.extend(ports),
    }
}

fn table(text: &mut String, variable: &str, names: &Names) {
    let _ = writeln!(text, "var {variable} = {{");
    let last = names.len();
    for (i, (name, ports)) in names.iter().enumerate() {
        let ports: BTreeSet<&(u16, u16)> = ports.iter().collect();
        let ports: Vec<String> = ports.iter().map(|(first, last)| format!("[{first}, {last}]")).collect();
        let comma = if i + 1 < last { "," } else { "" };
        let _ = writeln!(text, "  {}: [{}]{comma}", json(&format!(".{name}")), ports.join(", "));
    }
    text.push_str("};\n");
}

const CODE: &str = r#"
function FindProxyForURL(url, host) {
  var name = "." + String(host).toLowerCase().replace(/\.$/, "");
  var port = flowsiftPort(String(url));
  if (flowsiftAllows(flowsiftExact[name], port)) { return flowsiftListed; }
  // From the second label on: `*.x` is what is below x, and not x itself.
  for (var dot = name.indexOf(".", 1); dot > 1; dot = name.indexOf(".", dot + 1)) {
    if (flowsiftAllows(flowsiftBelow[name.substring(dot)], port)) { return flowsiftListed; }
  }
  return flowsiftOther;
}

function flowsiftAllows(ports, port) {
  if (!ports) { return false; }
  for (var i = 0; i < ports.length; i++) {
    if (port >= ports[i][0] && port <= ports[i][1]) { return true; }
  }
  return ports.length === 0;
}

// The port of a URL; what is in front of an @ is no host.
function flowsiftPort(url) {
  var parts = /^([a-z][a-z0-9+.\-]*):\/\/(?:[^\/?#]*@)?(?:\[[^\]]*\]|[^\/?#:]*)(?::([0-9]{1,5}))?(?:[\/?#]|$)/i.exec(url);
  if (!parts) { return 0; }
  if (parts[2]) { return parseInt(parts[2], 10); }
  var usual = { "http:": 80, "ws:": 80, "https:": 443, "wss:": 443, "ftp:": 21 };
  return usual[parts[1].toLowerCase() + ":"] || 0;
}
"#;
