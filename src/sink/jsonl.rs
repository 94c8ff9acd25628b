//! JSON Lines: one object a line, in the order of the rows.
//!
//! Which objects a row becomes is the [`Dialect`]'s: our own [`Records`], Suricata's events, Elastic's documents.

use std::io::{self, Write};

use super::{Labels, Sink, record};
use crate::engine::rows::{Row, Wanted};

/// How a row is told, in no line, one, or several. Any thread may ask, so nothing of one row is kept for another.
pub trait Dialect: Send + Sync {
    fn lines(&self, row: &Row, labels: &Labels, out: &mut Vec<u8>);
}

/// Our own records.
#[derive(Debug, Clone, Copy)]
pub struct Records;

impl Dialect for Records {
    #[inline]
    fn lines(&self, row: &Row, labels: &Labels, out: &mut Vec<u8>) {
        match row {
            Row::Flow(row) => record::flow(row, labels, out),
            Row::Name(row) => record::name(row, labels, out),
            Row::Capture(row) => record::capture(row, labels, out),
        }
    }
}

/// How much is gathered before it is written: far more than a record, far less than a cache.
const BATCH: usize = 64 * 1024;

/// Writes rows as JSON Lines.
pub struct JsonLines<W: Write, D: Dialect = Records> {
    out: W,
    dialect: D,
    labels: Labels,
    /// Whole lines not yet written.
    lines: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    pub fn new(out: W, labels: Labels) -> JsonLines<W> {
        JsonLines::of(Records, out, labels)
    }
}

impl<W: Write, D: Dialect> JsonLines<W, D> {
    pub fn of(dialect: D, out: W, labels: Labels) -> JsonLines<W, D> {
        JsonLines {
            out,
            dialect,
            labels,
            lines: Vec::with_capacity(2 * BATCH),
        }
    }

    fn write_if_many(&mut self) -> io::Result<()> {
        if self.lines.len() >= BATCH {
            return self.write_lines();
        }
        Ok(())
    }

    fn write_lines(&mut self) -> io::Result<()> {
        // Emptied first: a line that failed is not tried again, or a broken pipe would be reported twice.
        let result = self.out.write_all(&self.lines);
        self.lines.clear();
        result
    }
}

impl<W: Write, D: Dialect> Sink for JsonLines<W, D> {
    fn set(&self, row: &Row, text: &mut Vec<u8>) -> Wanted {
        self.dialect.lines(row, &self.labels, text);
        Wanted::Text
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.lines.extend_from_slice(text);
        self.write_if_many()
    }

    fn row(&mut self, row: &Row) -> io::Result<()> {
        self.dialect.lines(row, &self.labels, &mut self.lines);
        self.write_if_many()
    }

    fn more_files(&mut self, names: &[String]) {
        self.labels.files.extend_from_slice(names);
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_lines()?;
        self.out.flush()
    }

    fn finish(&mut self, _hidden: u64) -> io::Result<()> {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures;
    use super::*;
    use crate::engine::rows::FragmentCounts;
    use crate::names::domain::Domain;
    use crate::policy::verdict::{Flag, FlagKind, Reason, Severity};

    fn written(rows: &[Row], labels: &Labels) -> String {
        let mut bytes = Vec::new();
        let mut sink = JsonLines::new(&mut bytes, labels.clone());
        for row in rows {
            sink.row(row).unwrap();
        }
        sink.finish(0).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_flow_with_everything() {
        let row = Row::Flow(Box::new(fixtures::web_flow()));
        assert_eq!(
            written(&[row], &fixtures::labels()),
            concat!(
                r#"{"type":"flow","id":"1:ONEnPSrBD36DavWv+kWEtE/UgB0=","start":"2026-11-21T09:12:01.123456Z","end":"2026-11-21T09:12:04.000001Z","#,
                r#""proto":"tcp","client":{"ip":"198.19.0.10","port":50514},"server":{"ip":"198.18.1.11","port":443},"#,
                r#""packets":{"out":12,"in":14},"bytes":{"out":1810,"in":9132},"tcp":"closed","vlan":[7,42],"tunnel":"vxlan:42","app":"tls","#,
                r#""tls":{"sni":"app.salestim.io","version":"1.2","offered":["1.3","1.2"],"alpn":["h2","http/1.1"],"ja4":"t13d1516h2_8daaf6152771_e5627efa2ab1","cipher":"0xc02f","ech":false,"#,
                r#""cert":{"subject":"CN=*.salestim.io","issuer":"CN=R3,O=Let's Encrypt","names":["*.salestim.io"],"not_before":"2026-10-03T00:00:00Z","not_after":"2027-01-01T00:00:00Z"}},"#,
                r#""name":"app.salestim.io","evidence":{"kind":"sni","via":["app-tm.trafficmanager.net","app-fd.azurefd.net"],"age_s":1.25},"#,
                r#""frames":{"first":12,"hello":15,"server_hello":18,"cert":19,"dns":7,"last":40},"quality":["complete"],"#,
                r#""class":"salestim","endpoint":"web-app","line":"green","matches":["web-app","teams"],"verdict":"ok","flags":[]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_flow_with_next_to_nothing_in_one_of_several_inputs() {
        let labels = Labels {
            files: vec!["a.pcap".into(), "b\"\u{7f}\u{85}\n.pcap".into()],
            ..fixtures::labels()
        };
        let row = Row::Flow(Box::new(fixtures::bare_flow()));
        assert_eq!(
            written(&[row], &labels),
            concat!(
                r#"{"type":"flow","id":"1:ONEnPSrBD36DavWv+kWEtE/UgB0=","start":"1970-01-01T00:00:00.000000001Z","end":"1970-01-01T00:00:00.000000002Z","#,
                r#""proto":"ip-47","client":{"ip":"2001:db8::1"},"server":{"ip":"2001:db8::2"},"packets":{"out":1,"in":0},"bytes":{"out":60,"in":0},"#,
                r#""app":"unknown","evidence":{"kind":"none"},"frames":{"file":"b\"\u007f\u0085\n.pcap","first":3,"last":3},"quality":["cut","fragment"],"#,
                r#""class":"unknown","matches":[],"verdict":"unlisted","flags":[{"flag":"blocked","severity":"high","how":"silent","why":"It was \"never\" answered."}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn an_sslv2_hello_a_cover_name_and_a_whole_age() {
        let mut flow = fixtures::web_flow();
        flow.naming.age_ns = Some(3_000_900_000);
        flow.naming.candidates = vec![Domain::from_text(b"a.example")];
        if let Some(tls) = &mut flow.tls {
            tls.sslv2_hello = true;
            tls.cover = true;
            tls.ech = true;
        }
        let text = written(&[Row::Flow(Box::new(flow))], &fixtures::labels());
        assert!(text.contains(r#""sni":"app.salestim.io","hello":"sslv2","version":"1.2""#));
        assert!(text.contains(r#""ech":true,"ech_accepted":false,"cover":true,"cert""#));
        assert!(text.contains(r#""candidates":["a.example"],"age_s":3}"#));
    }

    #[test]
    fn a_name() {
        let mut unasked = fixtures::name();
        unasked.client = None;
        unasked.rcode = None;
        unasked.chain.clear();
        unasked.addresses.clear();
        unasked.ttl = None;
        unasked.qtype = 65_280;
        unasked.matches.clear();
        let rows = [fixtures::name(), unasked].map(|row| Row::Name(Box::new(row)));
        assert_eq!(
            written(&rows, &fixtures::labels()),
            concat!(
                r#"{"type":"name","time":"2026-11-21T09:12:00.900000Z","client":"198.19.0.10","resolver":"198.18.0.2","proto":"udp","#,
                r#""query":"app.salestim.io","qtype":"A","rcode":"NOERROR","chain":["app-tm.trafficmanager.net","app-fd.azurefd.net"],"#,
                r#""addresses":["198.18.1.11","2001:db8::11"],"ttl":60,"frame":9,"class":"salestim","flags":[]}"#,
                "\n",
                r#"{"type":"name","time":"2026-11-21T09:12:00.900000Z","resolver":"198.18.0.2","proto":"udp","query":"app.salestim.io","#,
                r#""qtype":"TYPE65280","rcode":"none","frame":9,"class":"other","flags":[]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_capture_and_an_empty_one() {
        let empty = crate::engine::rows::CaptureRow {
            file: "-".into(),
            ..Default::default()
        };
        let mut fragmented = empty.clone();
        fragmented.fragments = FragmentCounts {
            pieces: 9,
            joined: 1,
            overlap: 2,
            invalid: 3,
            incomplete: 4,
            evicted: 5,
        };
        let text = written(&[Row::Capture(Box::new(fragmented))], &fixtures::labels());
        assert!(text.contains(
            r#""duplicates":0,"fragments":{"pieces":9,"joined":1,"overlap":2,"invalid":3,"incomplete":4,"evicted":5},"flows":0"#
        ));
        let rows = [fixtures::capture(), empty].map(|row| Row::Capture(Box::new(row)));
        assert_eq!(
            written(&rows, &fixtures::labels()),
            concat!(
                r#"{"type":"capture","file":"lab.pcap","sha256":"ab12","link":["ethernet"],"packets":567,"bytes":101234,"#,
                r#""first":"2026-11-21T09:12:00.900000Z","last":"2026-11-21T09:40:10.900000Z","undecoded":{"arp":4},"dropped":{"kernel":3,"interface":0},"#,
                r#""duplicates":0,"flows":73,"blind":{"cut":0,"gap":0,"midstream":2,"one-sided":0,"ech":1,"doh":0,"dot":0,"evicted":0},"#,
                r#""policy":{"name":"lab","sha256":"cd34"},"flowsift":""#,
                env!("CARGO_PKG_VERSION"),
                "\"}\n",
                r#"{"type":"capture","file":"-","link":[],"packets":0,"bytes":0,"undecoded":{},"dropped":{"kernel":0,"interface":0},"#,
                r#""duplicates":0,"flows":0,"blind":{"cut":0,"gap":0,"midstream":0,"one-sided":0,"ech":0,"doh":0,"dot":0,"evicted":0},"#,
                r#""policy":{"name":"lab","sha256":"cd34"},"flowsift":""#,
                env!("CARGO_PKG_VERSION"),
                "\"}\n",
            )
        );
    }

    proptest! {
        #[test]
        fn whatever_the_names_are_every_line_is_one_json_object_without_controls(
            wire in proptest::collection::vec(any::<u8>(), 0..300),
            file in any::<String>(),
            controls in "[\u{0}-\u{1f}\u{7f}-\u{bf}]{0,8}",
        ) {
            let mut flow = fixtures::web_flow();
            flow.naming.name = Some(Domain::from_text(&wire));
            flow.naming.via = vec![Domain::from_labels(wire.split(|b| *b == b'x'))];
            let why = Reason::Told(controls.as_str().into());
            flow.verdict.flags = vec![Flag { kind: FlagKind::Port, severity: Severity::High, why, how: None }].into();
            let mut labels = fixtures::labels();
            labels.files = vec![file.clone()];
            labels.policy.name = controls.clone();
            let mut capture = fixtures::capture();
            capture.file = file.clone();
            let text = written(&[Row::Flow(Box::new(flow)), Row::Capture(Box::new(capture))], &labels);
            prop_assert_eq!(text.chars().filter(|c| c.is_control()).count(), 2);
            let values: Vec<serde_json::Value> =
                text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(values.len(), 2);
            prop_assert_eq!(&values[0]["frames"]["file"], &file);
            prop_assert_eq!(&values[0]["flags"][0]["why"], &controls);
            prop_assert_eq!(&values[1]["policy"]["name"], &controls);
        }
    }
}
