//! The table's flows as JSON for the script: a column a list, texts once each, frames and times as differences.
//!
//! ```text
//!  {"unit":1000,"start":1795251602,"files":[..],"texts":[..],"addresses":[..],"names":[..],"kinds":[[..],..],"flags":[[..],..],
//!   "id":"27 characters a flow, one behind the other","columns":[{"name":"t","values":[..]},..]}
//! ```
//!
//! `unit`: nanoseconds a tick of time (1 or 1000). `t`: ticks since the flow before, the first since `start` (seconds since 1970). `d`:
//! ticks that it lasted. `c`, `s`: places in `addresses`; `cp`, `sp`: ports + 1, 0: none. `n`: place in `names` + 1. `k`: place in
//! `kinds`, what few flows have by themselves. `f`: place in `flags` + 1. `j`, `v`, `e`, `h`: places in `texts` + 1. `f0` to `f6`: the
//! frames, behind the first as its difference + 1; 0: none.

use std::collections::HashMap;
use std::hash::Hash;

use super::lines::Line;
use crate::sink::Labels;
use crate::sink::json::{self, Object, Plain, key};
use crate::sink::text::clean;
use crate::sink::words;

const SECOND: u64 = 1_000_000_000;

/// What many flows have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind<'a> {
    class: &'a str,
    endpoint: &'a str,
    line: &'a str,
    protocol: u8,
    app: &'static str,
    version: Option<u16>,
    tcp: &'static str,
    evidence: &'static str,
    verdict: &'static str,
    fate: &'static str,
    quality: u16,
    ordinal: u32,
}

/// Things by the order in which they were first met.
#[derive(Debug)]
struct Dictionary<T> {
    places: HashMap<T, u64>,
    list: Vec<T>,
}

impl<T: Hash + Eq + Clone> Dictionary<T> {
    fn new() -> Dictionary<T> {
        Dictionary {
            places: HashMap::new(),
            list: Vec::new(),
        }
    }

    fn place(&mut self, thing: T) -> u64 {
        if let Some(place) = self.places.get(&thing) {
            return *place;
        }
        let place = self.list.len() as u64;
        self.places.insert(thing.clone(), place);
        self.list.push(thing);
        place
    }
}

pub fn json(lines: &[Line], texts: &[&str], nanoseconds: bool, files: &[&str], labels: &Labels) -> Vec<u8> {
    let mut out = Vec::new();
    let unit = if nanoseconds { 1 } else { 1000 };
    let start = lines.first().map_or(0, |line| line.start_ns / SECOND);
    let mut addresses = Dictionary::new();
    let mut names = Dictionary::new();
    let mut kinds = Dictionary::new();
    let mut flags = Dictionary::new();
    let mut columns: [Vec<u64>; COLUMNS.len()] = Default::default();
    let mut before = start * (SECOND / unit);
    for line in lines {
        let tick = line.start_ns / unit;
        let first = line.frames.first().copied().unwrap_or(0);
        let frame = |place: usize| match line.frames.get(place).copied().unwrap_or(0) {
            0 => 0,
            // Of another input it may well be smaller.
            number if number < first || line.elsewhere.is_some() => number + FAR,
            number => number - first + 1,
        };
        let held: Vec<[u64; 4]> = line
            .held
            .iter()
            .map(|held| {
                let how = held.how.map_or(0, |how| how as u64 + 1);
                [
                    held.kind as u64,
                    held.severity as u64,
                    how,
                    held.why.map_or(0, |why| u64::from(why) + 1),
                ]
            })
            .collect();
        let values = [
            tick.saturating_sub(before),
            line.end_ns.saturating_sub(line.start_ns) / unit,
            addresses.place(line.client.ip),
            line.client.port.map_or(0, |port| u64::from(port) + 1),
            addresses.place(line.server.ip),
            line.server.port.map_or(0, |port| u64::from(port) + 1),
            line.name.as_ref().map_or(0, |name| names.place(name.as_str()) + 1),
            kinds.place(Kind::of(line, labels)),
            if held.is_empty() { 0 } else { flags.place(held) + 1 },
            line.packets.out,
            line.packets.r#in,
            line.bytes.out,
            line.bytes.r#in,
            line.ja4.map_or(0, |place| u64::from(place) + 1),
            line.via.map_or(0, |place| u64::from(place) + 1),
            line.elsewhere.map_or(0, |place| u64::from(place) + 1),
            line.sni.map_or(0, |place| u64::from(place) + 1),
            first,
            frame(1),
            frame(2),
            frame(3),
            line.frames.get(4).copied().unwrap_or(0),
            frame(5),
            frame(6),
        ];
        columns
            .iter_mut()
            .zip(values)
            .for_each(|(column, value)| column.push(value));
        before = tick;
    }
    json::line(&mut out, |data| {
        data.put(key!("unit"), unit);
        data.put(key!("start"), start);
        data.put(key!("rows"), lines.len() as u64);
        let files: Vec<_> = files.iter().map(|file| clean(file)).collect();
        data.list(key!("files"), files.iter().map(|file| &**file));
        data.list(key!("texts"), texts);
        data.list(key!("addresses"), addresses.list.iter().copied());
        data.list(key!("names"), &names.list);
        data.objects(key!("kinds"), &kinds.list, |it, kind| kind.write(it));
        data.objects(key!("flags"), &flags.list, |it, held| {
            it.list(key!("h"), held.iter().flatten().copied());
        });
        data.list(key!("flagWords"), words_of_flags());
        data.list(key!("howWords"), words_of_ways());
        let ids: String = lines.iter().map(short_id).collect();
        data.put(key!("id"), Plain(&ids));
        data.objects(key!("columns"), COLUMNS.iter().zip(&columns), |it, (name, column)| {
            it.put(key!("name"), Plain(name));
            it.list(key!("values"), column);
        });
    });
    out
}

const COLUMNS: [&str; 24] = [
    "t", "d", "c", "cp", "s", "sp", "n", "k", "f", "po", "pi", "bo", "bi", "j", "v", "e", "h", "f0", "f1", "f2", "f3",
    "f4", "f5", "f6",
];

/// Added to a frame number that is none behind the flow's first.
const FAR: u64 = 1 << 40;

/// Without the version and the padding, which are the same for all.
fn short_id(line: &Line) -> &str {
    let id = line.id.as_str();
    id.get(2..id.len().saturating_sub(1)).unwrap_or("")
}

fn words_of_flags() -> impl Iterator<Item = Plain<'static>> {
    crate::policy::verdict::FlagKind::ALL
        .into_iter()
        .map(|kind| Plain(kind.as_str()))
}

fn words_of_ways() -> impl Iterator<Item = Plain<'static>> {
    use crate::policy::verdict::Blockage::*;
    [
        Silent, Reset, AfterHello, Icmp, TlsAlert, Proxy, NxDomain, DnsRefused, ServFail, DnsSilent, Sinkhole,
    ]
    .into_iter()
    .map(|how| Plain(how.as_str()))
}

impl<'a> Kind<'a> {
    fn of(line: &Line, labels: &'a Labels) -> Kind<'a> {
        let row = line.row.and_then(|row| labels.policy.row(row));
        Kind {
            class: labels.policy.class(line.row.as_slice(), line.name.is_some()),
            endpoint: row.map_or("", |row| &row.id),
            line: row.map_or("", |row| &row.line),
            protocol: line.protocol,
            app: line.app.as_str(),
            version: line.version.map(|version| version.0),
            tcp: line.tcp.map_or("", |state| state.as_str()),
            evidence: line.evidence.as_str(),
            verdict: line.standing.as_str(),
            fate: line.fate.class(),
            quality: line.quality.0,
            ordinal: line.ordinal,
        }
    }

    fn write(&self, it: &mut Object<'_>) {
        use crate::evidence::model::{Quality, TlsVersion};
        let version = self.version.map(|number| TlsVersion(number).to_string());
        // The script shows them as they stand.
        it.put(key!("class"), &*clean(self.class));
        it.text_if_any(key!("endpoint"), &clean(self.endpoint));
        it.text_if_any(key!("line"), self.line);
        it.put(key!("proto"), words::ip_protocol(self.protocol));
        it.put(key!("number"), u64::from(self.protocol));
        it.put(key!("app"), Plain(self.app));
        it.maybe(key!("version"), version.as_deref());
        it.text_if_any(key!("tcp"), self.tcp);
        it.put(key!("evidence"), Plain(self.evidence));
        it.put(key!("verdict"), Plain(self.verdict));
        it.put(key!("fate"), Plain(self.fate));
        let quality: Vec<&str> = Quality(self.quality).words().collect();
        it.put(key!("quality"), quality.join(", "));
        it.put(key!("file"), self.ordinal);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures;
    use super::super::lines::Lines;
    use super::*;

    #[test]
    fn a_flow_can_be_read_back() {
        let labels = fixtures::labels();
        let mut lines = Lines::new(10);
        let (mut web, bare) = (fixtures::web_flow(), fixtures::bare_flow());
        web.verdict.flags = bare.verdict.flags.clone();
        lines.flow(&web, &labels);
        lines.flow(&bare, &labels);
        let sorted = lines.sorted();
        let texts = lines.texts.list();
        let text = String::from_utf8(json(&sorted, &texts, true, &["a\"</script>.pcap"], &labels)).unwrap();
        let data: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(data["rows"], 2);
        assert_eq!(data["files"][0], "a\"</script>.pcap");
        let id = data["id"].as_str().unwrap();
        assert_eq!(format!("1:{}=", &id[27..54]), web.id.to_string());
        let columns = data["columns"].as_array().unwrap();
        let values = |name: &str| &columns.iter().find(|column| column["name"] == name).unwrap()["values"];
        let start = data["start"].as_u64().unwrap() * SECOND
            + values("t")[0].as_u64().unwrap()
            + values("t")[1].as_u64().unwrap();
        assert_eq!(start, web.start_ns);
        let at = |name: &str| values(name)[1].as_u64().unwrap() as usize;
        assert_eq!(data["addresses"][at("c")], "198.19.0.10");
        assert_eq!(data["names"][at("n") - 1], "app.salestim.io");
        assert_eq!(
            (at("cp"), at("sp"), at("f0"), at("f1"), at("f6")),
            (50515, 444, 12, 4, 29)
        );
        let kind = &data["kinds"][at("k")];
        assert_eq!(
            (&kind["class"], &kind["endpoint"], &kind["version"]),
            (&"salestim".into(), &"web-app".into(), &"1.2".into())
        );
        let held = &data["flags"][at("f") - 1]["h"];
        assert_eq!(data["flagWords"][held[0].as_u64().unwrap() as usize], "blocked");
        assert_eq!(data["howWords"][held[2].as_u64().unwrap() as usize - 1], "silent");
        assert_eq!(
            data["texts"][held[3].as_u64().unwrap() as usize - 1],
            "It was \"never\" answered."
        );
    }
}
