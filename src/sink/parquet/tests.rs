//! Written, and read back by the library's own reader.

use std::fs::File;
use std::sync::{Arc, Mutex};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row as Record;

use super::super::fixtures;
use super::*;

/// Parts in memory.
#[derive(Clone, Default)]
struct Memory {
    begun: Arc<Mutex<Vec<u8>>>,
    whole: Arc<Mutex<Vec<Vec<u8>>>>,
}

struct Part(Arc<Mutex<Vec<u8>>>);

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Parts for Memory {
    fn begin(&mut self) -> io::Result<PartFile> {
        Ok(Box::new(Part(Arc::clone(&self.begun))))
    }
    fn finish(&mut self) -> io::Result<()> {
        let part = std::mem::take(&mut *self.begun.lock().unwrap());
        self.whole.lock().unwrap().push(part);
        Ok(())
    }
}

/// The parts of flows, names and captures.
fn written(rows: &[Row], hourly: bool) -> [Vec<Vec<u8>>; 3] {
    let tables = [Memory::default(), Memory::default(), Memory::default()];
    let parts = tables.clone().map(|table| Box::new(table) as Box<dyn Parts>);
    let mut sink = Dataset::new(parts, hourly, fixtures::labels()).unwrap();
    for row in rows {
        sink.row(row).unwrap();
        sink.flush().unwrap();
    }
    sink.finish(0).unwrap();
    tables.map(|table| table.whole.lock().unwrap().clone())
}

fn reader(part: &[u8]) -> SerializedFileReader<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(part).unwrap();
    SerializedFileReader::new(file).unwrap()
}

fn records(part: &[u8]) -> Vec<Record> {
    let reader = reader(part);
    let records = reader.get_row_iter(None).unwrap();
    records.map(Result::unwrap).collect()
}

/// A column's value, as the reader shows it.
fn shown(record: &Record, name: &str) -> String {
    let (_, field) = record.get_column_iter().find(|(column, _)| *column == name).unwrap();
    field.to_string()
}

#[test]
fn rows_are_read_back_with_their_types() {
    let rows = [
        Row::Flow(Box::new(fixtures::web_flow())),
        Row::Flow(Box::new(fixtures::bare_flow())),
        Row::Name(Box::new(fixtures::name())),
        Row::Capture(Box::new(fixtures::capture())),
    ];
    let [flows, names, captures] = written(&rows, false);
    assert_eq!((flows.len(), names.len(), captures.len()), (1, 1, 1));
    let flows = records(&flows[0]);
    assert_eq!(flows.len(), 2);
    for (name, expected) in [
        ("id", "\"1:ONEnPSrBD36DavWv+kWEtE/UgB0=\""),
        ("start", "2026-11-21 09:12:01.123456 +00:00"),
        ("start_ns", "1795252321123456000"),
        ("client_port", "50514"),
        ("via", "[\"app-tm.trafficmanager.net\", \"app-fd.azurefd.net\"]"),
        ("flags", "[]"),
        ("age_s", "1.25"),
        ("ech", "false"),
        ("cert_not_after", "2027-01-01 00:00:00.000000 +00:00"),
        ("frame_blocked", "null"),
    ] {
        assert_eq!(shown(&flows[0], name), expected, "{name}");
    }
    assert_eq!(shown(&flows[1], "client_port"), "null");
    assert_eq!(shown(&flows[1], "start_ns"), "1");
    assert_eq!(shown(&flows[1], "why"), "[\"It was \"never\" answered.\"]");
    assert_eq!(shown(&flows[1], "alpn"), "[]");
    assert_eq!(
        shown(&records(&names[0])[0], "addresses"),
        "[\"198.18.1.11\", \"2001:db8::11\"]"
    );
    assert_eq!(shown(&records(&captures[0])[0], "packets"), "567");
}

#[test]
fn a_table_without_rows_is_a_part_without_rows() {
    let [flows, names, _] = written(&[], false);
    assert_eq!((records(&flows[0]).len(), records(&names[0]).len()), (0, 0));
}

#[test]
fn every_hour_of_a_run_that_goes_on_is_a_part() {
    // One is late, and one comes from a clock that was wrong for a moment.
    let hours = [0, 0, 1, 1, 0, 3, 900, 3, 3, 4];
    let rows = hours.map(|hour| {
        let mut row = fixtures::web_flow();
        row.end_ns += hour * 3_600_000_000_000;
        Row::Flow(Box::new(row))
    });
    let [flows, ..] = written(&rows, true);
    assert_eq!(
        flows.iter().map(|part| records(part).len()).collect::<Vec<_>>(),
        [2, 3, 1, 3, 1]
    );
    let [flows, ..] = written(&rows, false);
    assert_eq!(flows.len(), 1);
}

#[test]
fn a_part_is_made_of_bounded_groups_and_the_same_rows_give_the_same_bytes() {
    let mut row = fixtures::web_flow();
    let names: Vec<String> = (0..400).map(|n| format!("{n}.{}.example", "x".repeat(200))).collect();
    if let Some(tls) = &mut row.tls {
        let cert = tls.certificate.as_ref().unwrap();
        let mut cert = (**cert).clone();
        cert.names = names;
        tls.certificate = Some(cert.into());
    }
    let rows: Vec<Row> = (0..400).map(|_| Row::Flow(Box::new(row.clone()))).collect();
    let [flows, ..] = written(&rows, false);
    let reader = reader(&flows[0]);
    assert!(reader.metadata().num_row_groups() > 1);
    assert_eq!(reader.metadata().file_metadata().num_rows(), 400);
    assert_eq!(written(&rows, false)[0], flows);
}
