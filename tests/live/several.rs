//! Several interfaces at once.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::lab::{ip, output};
use crate::{assert_same, read, replay, role_in, sample, sendable};

#[test]
fn what_was_asked_on_one_interface_names_what_passes_on_another() {
    let lab = lab!();
    for workers in ["1", "2"] {
        let (near, far) = (format!("{}2", lab.near), format!("{}2", lab.far));
        if workers == "1" {
            assert_eq!(lab.second_cable(), (near.clone(), far.clone()));
        }
        let both = format!("{},{near}", lab.near);
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("both.pcapng");
        let listener = lab.listen_on(&both, &["--names", "--workers", workers, "-w", kept.to_str().unwrap()]);
        let sample = sample("office.pcapng");
        let words = format!("deal {} {far} {}", sample.display(), lab.far);
        assert!(output(role_in(&lab.far, &words)).status.success());
        listener.signal("INT");
        let ended = listener.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);

        let captures = ended.of_type("capture");
        assert_eq!(
            captures.iter().map(|capture| &capture["file"]).collect::<Vec<_>>(),
            [&lab.near, &near]
        );
        assert!(
            ended
                .records
                .ends_with(&captures.iter().copied().cloned().collect::<Vec<_>>())
        );
        let packets: Vec<u64> = captures
            .iter()
            .filter_map(|capture| capture["packets"].as_u64())
            .collect();
        assert!(packets.iter().all(|packets| *packets > 0), "{packets:?}");
        assert_eq!(packets.iter().sum::<u64>(), sendable(&sample));
        for name in ended.of_type("name").iter().filter(|name| name["proto"] == "udp") {
            assert_eq!(name["file"], near.as_str(), "{name}");
        }

        // The kept file has them all in one order, and the frame numbers are its own.
        let names_and_proofs = |records: &[Value]| -> BTreeSet<String> {
            let flows = records.iter().filter(|record| record["type"] == "flow");
            flows
                .map(|flow| {
                    let mut frames = flow["frames"].clone();
                    let frames = frames.as_object_mut().unwrap();
                    frames.remove("file");
                    frames.remove("elsewhere");
                    format!("{} {} {} {frames:?}", flow["id"], flow["name"], flow["evidence"])
                })
                .collect()
        };
        assert_same(
            &names_and_proofs(&ended.records),
            &names_and_proofs(&read(&[], &[&kept])),
        );
        let by_dns = ended
            .of_type("flow")
            .into_iter()
            .filter(|flow| flow["evidence"]["kind"] == "dns");
        assert!(by_dns.count() > 0);
    }
}

#[test]
fn an_interface_that_goes_away_is_a_line_and_the_others_go_on() {
    let lab = lab!();
    let (near, _) = lab.second_cable();
    let mut listener = lab.listen_on(&format!("{near},{}", lab.near), &[]);
    ip(&["-n", &lab.near, "link", "del", &near]).unwrap();
    while !listener.line().contains(&format!("{near}: listening ended")) {}
    replay(&lab, &sample("classes/salestim.pcap"));
    listener.wait_for(|record| record["type"] == "flow");
    listener.signal("TERM");
    let ended = listener.end();
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    let said_once = ended.stderr.matches("listening ended").count();
    assert_eq!(said_once, 1, "{}", ended.stderr);
    let captures = ended.of_type("capture");
    assert_eq!(captures.len(), 2);
    assert_eq!(captures[1]["packets"], sendable(&sample("classes/salestim.pcap")));
}

#[test]
fn one_interface_that_cannot_be_opened_is_refused_before_anything_is_heard() {
    let lab = lab!();
    let ended = lab.listen_on(&format!("{},nosuch0", lab.near), &[]).end();
    assert_eq!(ended.status, Some(2));
    assert!(
        ended.stderr.contains("nosuch0: there is no such interface"),
        "{}",
        ended.stderr
    );
    assert!(ended.records.is_empty());
}
