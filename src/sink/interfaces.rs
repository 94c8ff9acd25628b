//! What can be listened to, and what is missing where nothing can: for people and for programs.

use std::net::IpAddr;

use super::json::{self, Plain, key};
use super::policy::wrapped;
use super::style::{Align, Style, Tone};
use super::text;

/// An interface, in words.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    pub name: String,
    pub kind: &'static str,
    pub state: &'static str,
    pub addresses: Vec<IpAddr>,
    /// The link types it can give, the usual one first.
    pub links: Vec<String>,
    /// The usual one is decoded.
    pub decoded: bool,
    /// In Mbit/s.
    pub speed: Option<u32>,
    /// What is missing in a word, and what to do in a sentence.
    pub missing: Option<(&'static str, String)>,
}

/// On a screen; programs are given all.
const LINES_AT_MOST: usize = 1000;

/// One object an interface.
pub fn json(interfaces: &[Interface], out: &mut Vec<u8>) {
    for interface in interfaces {
        json::line(out, |line| {
            line.put(key!("type"), Plain("interface"));
            line.put(key!("name"), &interface.name);
            line.put(key!("kind"), Plain(interface.kind));
            line.put(key!("state"), Plain(interface.state));
            line.list(key!("addresses"), interface.addresses.iter().copied());
            line.list_if_any(key!("link"), &interface.links);
            line.maybe(
                key!("decoded"),
                (!interface.links.is_empty()).then_some(interface.decoded),
            );
            line.maybe(key!("speed_mbps"), interface.speed);
            line.put(key!("listen"), interface.missing.is_none());
            if let Some((what, remedy)) = &interface.missing {
                line.put(key!("missing"), Plain(what));
                line.put(key!("remedy"), remedy);
            }
        });
    }
}

/// A line an interface; below them, once each, what to do about what is missing.
pub fn table(interfaces: &[Interface], style: &Style) -> String {
    let shown = interfaces.iter().take(LINES_AT_MOST);
    let name_width = shown.clone().map(|it| it.name.chars().count()).max().unwrap_or(0);
    let name_width = name_width.clamp("INTERFACE".len(), 20);
    let mut out = String::new();
    for (title, width) in [("INTERFACE", name_width)].into_iter().chain(COLUMNS) {
        style.cell(&mut out, title, width, Align::Left, Tone::Strong);
        out.push(' ');
    }
    style.paint(&mut out, "ADDRESSES", Tone::Strong);
    out.push('\n');
    for interface in shown {
        out.push_str(line(interface, name_width, style).trim_end());
        out.push('\n');
    }
    if interfaces.len() > LINES_AT_MOST {
        out.push_str(&format!("and {} more\n", interfaces.len() - LINES_AT_MOST));
    }
    for (names, remedy) in remedies(interfaces) {
        out.push('\n');
        style.paint(&mut out, &text::clean(&names), Tone::Strong);
        out.push('\n');
        wrapped(&mut out, &text::clean(&remedy), 2, style.width);
    }
    out
}

/// Between the name and the addresses.
const COLUMNS: [(&str, usize); 4] = [("KIND", 10), ("STATE", 10), ("LISTEN", 10), ("SPEED", 9)];

fn line(interface: &Interface, name_width: usize, style: &Style) -> String {
    let mut line = String::new();
    let (listen, tone) = match &interface.missing {
        None if interface.decoded => ("yes", Tone::Good),
        None => ("undecoded", Tone::Medium),
        Some((what, _)) => (*what, Tone::High),
    };
    let speed = interface.speed.map(speed).unwrap_or_default();
    let state = match interface.state {
        "none" => "",
        state => state,
    };
    let name = text::clean(&interface.name);
    style.cell(&mut line, &name, name_width, Align::Left, Tone::Plain);
    let cells = [
        (interface.kind, Tone::Plain),
        (state, Tone::Plain),
        (listen, tone),
        (&speed, Tone::Plain),
    ];
    let mut taken = name_width + 1;
    for ((content, tone), (_, width)) in cells.into_iter().zip(COLUMNS) {
        line.push(' ');
        style.cell(&mut line, content, width, Align::Left, tone);
        taken += width + 1;
    }
    line.push(' ');
    let addresses: Vec<(String, Tone)> = interface
        .addresses
        .iter()
        .map(|address| (address.to_string(), Tone::Plain))
        .collect();
    if !addresses.is_empty() {
        style.list(&mut line, &addresses, style.width.saturating_sub(taken).max(15));
    }
    line
}

/// `100 Mb/s`, `2.5 Gb/s`
fn speed(megabits: u32) -> String {
    match megabits {
        0..1000 => format!("{megabits} Mb/s"),
        _ if megabits.is_multiple_of(1000) => format!("{} Gb/s", megabits / 1000),
        _ => format!("{:.1} Gb/s", f64::from(megabits) / 1000.0),
    }
}

/// Each remedy with the interfaces it is for. What is said of one by its name is its own.
fn remedies(interfaces: &[Interface]) -> Vec<(String, String)> {
    const NAMES_AT_MOST: usize = 8;
    let mut told: Vec<(&str, Vec<&str>, &str)> = Vec::new();
    for interface in interfaces {
        let Some((what, remedy)) = &interface.missing else {
            continue;
        };
        match told.iter_mut().find(|(other, ..)| other == what) {
            Some((_, names, _)) => names.push(&interface.name),
            None => told.push((what, vec![&interface.name], remedy)),
        }
    }
    let words = |(_, names, remedy): (&str, Vec<&str>, &str)| {
        let mut list = names.iter().take(NAMES_AT_MOST).copied().collect::<Vec<_>>().join(", ");
        if names.len() > NAMES_AT_MOST {
            list += &format!(" and {} more", names.len() - NAMES_AT_MOST);
        }
        (list, remedy.to_owned())
    };
    told.into_iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Interface> {
        let base = Interface {
            kind: "ethernet",
            state: "up",
            links: vec!["ethernet".into(), "docsis".into()],
            decoded: true,
            ..Interface::default()
        };
        let denied = Some(("permission", "grant it".to_owned()));
        vec![
            Interface {
                name: "eth0".into(),
                addresses: vec!["198.18.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
                speed: Some(2500),
                ..base.clone()
            },
            Interface {
                name: "a\x1b[31m".into(),
                links: Vec::new(),
                missing: denied.clone(),
                ..base.clone()
            },
            Interface {
                name: "b".into(),
                links: Vec::new(),
                missing: denied,
                ..base
            },
        ]
    }

    #[test]
    fn programs_are_told_all_of_it() {
        let mut out = Vec::new();
        json(&some(), &mut out);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"type":"interface","name":"eth0","kind":"ethernet","state":"up","addresses":["198.18.0.1","2001:db8::1"],"link":["ethernet","docsis"],"decoded":true,"speed_mbps":2500,"listen":true}"#
        );
        assert!(lines[1].ends_with(r#""addresses":[],"listen":false,"missing":"permission","remedy":"grant it"}"#));
        assert!(lines[1].contains(r"a\u001b[31m"), "{}", lines[1]);
    }

    #[test]
    fn people_are_told_once_what_to_do() {
        let style = Style {
            width: 80,
            colour: false,
        };
        let text = table(&some(), &style);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\x1b'));
        assert_eq!(text.matches("grant it").count(), 1);
        assert!(
            text.contains("2.5 Gb/s") && text.contains(", b\n  grant it\n"),
            "{text}"
        );
    }
}
