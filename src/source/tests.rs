//! Several inputs as one stream: order, folders, faults, progress.

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::source::sample::pcap;

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn at(second: u32) -> Vec<u8> {
    pcap(&[(second, 0, &[0; 60]), (second + 1, 0, &[0; 60])])
}

fn open(paths: &[PathBuf]) -> Result<Inputs, Vec<String>> {
    Inputs::open(paths, InputOptions { hash: true })
}

/// Every frame as (ordinal, number, second).
fn frames(inputs: &mut Inputs) -> Vec<(u32, u64, u64)> {
    let mut epoch = Epoch::default();
    let mut all = Vec::new();
    while inputs.fill(&mut epoch, 1 << 20) {
        assert!(epoch.frames.iter().all(|f| f.stamp.ordinal() == epoch.ordinal));
        all.extend(epoch.frames.iter().map(|frame| {
            let stamp = frame.stamp;
            (stamp.ordinal(), stamp.frame(), stamp.ns / 1_000_000_000)
        }));
    }
    assert!(epoch.frames.is_empty() && epoch.bytes.is_empty());
    all
}

fn names(inputs: &Inputs, under: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", under.path().display());
    let name = |facts: &InputFacts| facts.name.trim_start_matches(&prefix).to_owned();
    inputs.inputs().iter().map(name).collect()
}

#[test]
fn inputs_are_in_the_order_of_their_first_packet_then_of_their_names() {
    let files = folder(&[
        ("a.pcap", at(300)),
        ("b.pcap", at(100)),
        ("sub/c.pcap", at(200)),
        ("sub/again.pcap", at(200)),
        ("empty.pcap", pcap(&[])),
    ]);
    let mut inputs = open(&[files.path().to_owned()]).unwrap();
    assert_eq!(inputs.bytes_total(), Some(4 * (24 + 2 * 76) + 24));
    assert_eq!(inputs.bytes_read(), 0);
    assert_eq!(
        frames(&mut inputs),
        [
            (1, 1, 100),
            (1, 2, 101),
            (2, 1, 200),
            (2, 2, 201),
            (3, 1, 200),
            (3, 2, 201),
            (4, 1, 300),
            (4, 2, 301)
        ]
    );
    assert_eq!(
        names(&inputs, &files),
        ["empty.pcap", "b.pcap", "sub/again.pcap", "sub/c.pcap", "a.pcap"]
    );
    assert!(inputs.inputs().iter().all(|facts| facts.sha256.is_some()));
    assert_eq!(Some(inputs.bytes_read()), inputs.bytes_total());
    assert!(inputs.faults().is_empty());
}

#[test]
fn a_bad_input_among_several_is_a_fault_and_the_others_are_read() {
    let files = folder(&[
        ("good.pcap", at(100)),
        ("zero.pcap", vec![]),
        ("line\nbreak.pcap", b"text".to_vec()),
    ]);
    let path = |name: &str| files.path().join(name);
    let mut inputs = open(&[
        path("zero.pcap"),
        path("good.pcap"),
        path("nowhere.pcap"),
        path("line\nbreak.pcap"),
    ])
    .unwrap();
    assert_eq!(frames(&mut inputs).len(), 2);
    let faults = inputs.faults();
    assert_eq!(faults.len(), 3);
    assert!(faults[0].ends_with("zero.pcap: empty, 0 bytes; a capture has at least a header"));
    assert!(faults[1].ends_with("nowhere.pcap: no such file or folder; look at the path"));
    assert!(faults[2].contains("line\\nbreak.pcap: not a pcap"));

    assert_eq!(open(&[path("zero.pcap"), path("nowhere.pcap")]).err().unwrap().len(), 2);
}

#[test]
fn a_folder_gives_its_captures_and_nothing_else() {
    let mut readme = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    io::Write::write_all(&mut readme, b"nothing to see").unwrap();
    let files = folder(&[
        ("notes.txt", b"about the captures".to_vec()),
        ("readme.gz", readme.finish().unwrap()),
        ("zero.pcap", vec![]),
        (".hidden.pcap", at(1)),
        ("sub/x.cap", at(2)),
    ]);
    let mut inputs = open(&[files.path().to_owned()]).unwrap();
    assert_eq!(names(&inputs, &files), ["sub/x.cap"]);
    assert_eq!((frames(&mut inputs).len(), inputs.faults().len()), (2, 0));

    // What is a capture, but not one for us, is said.
    fs::write(files.path().join("trace.etl"), [0; 200]).unwrap();
    let inputs = open(&[files.path().to_owned()]).unwrap();
    assert!(inputs.faults()[0].contains("a Windows ETL trace, which is not read here; convert"));

    let nothing = folder(&[("notes.txt", b"x".to_vec())]);
    let lines = open(&[nothing.path().to_owned()]).err().unwrap();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("a folder without captures"));
}

#[test]
fn an_input_that_vanishes_after_the_look_is_a_fault() {
    let files = folder(&[("a.pcap", at(1)), ("b.pcap", at(2))]);
    let mut inputs = open(&[files.path().to_owned()]).unwrap();
    fs::remove_file(files.path().join("a.pcap")).unwrap();
    assert_eq!(frames(&mut inputs), [(1, 1, 2), (1, 2, 3)]);
    assert!(inputs.faults()[0].contains("a.pcap: no such file"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once_and_last() {
    let files = folder(&[("late.pcap", at(500))]);
    let pipe = files.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, at(100))
    });
    let mut inputs = open(&[pipe, files.path().join("late.pcap")]).unwrap();
    assert_eq!(inputs.bytes_total(), None);
    assert_eq!(
        frames(&mut inputs),
        [(0, 1, 500), (0, 2, 501), (1, 1, 100), (1, 2, 101)]
    );
    assert!(names(&inputs, &files)[1].ends_with("pipe"));
    writer.join().unwrap().unwrap();
}

#[test]
fn a_source_can_move_to_another_thread() {
    fn moves<T: Send>() {}
    moves::<Inputs>();
    moves::<Progress>();
}

/// Where real captures with their truth are at hand: the same number of packets as tshark counts.
#[test]
fn real_captures_have_as_many_packets_as_tshark_says() {
    let Some(corpus) = std::env::var_os("FLOWSIFT_CORPUS") else {
        println!("skipped: FLOWSIFT_CORPUS names no folder of captures with *.truth.json beside them");
        return;
    };
    let (files, _) = folder::files(Path::new(&corpus));
    let mut compared = 0;
    for path in files {
        let truth = PathBuf::from(format!("{}.truth.json", path.display()));
        let Ok(text) = fs::read_to_string(&truth) else {
            continue;
        };
        let truth: serde_json::Value = serde_json::from_str(&text).unwrap();
        let complaints = truth["tshark_messages"].as_array().is_some_and(|m| !m.is_empty());
        let Ok(mut inputs) = open(std::slice::from_ref(&path)) else {
            let foreign = path.extension().is_some_and(|e| e == "snoop");
            assert!(complaints || foreign, "{} was refused", path.display());
            continue;
        };
        if complaints {
            continue;
        }
        assert_eq!(
            Some(frames(&mut inputs).len() as u64),
            truth["packets"].as_u64(),
            "{}",
            path.display()
        );
        assert_eq!(inputs.inputs()[0].sha256.as_deref(), truth["sha256"].as_str());
        compared += 1;
    }
    assert!(compared > 0, "no captures with truth in {}", corpus.display());
}
