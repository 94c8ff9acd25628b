//! UDP that failed, and TCP that worked instead.

use super::*;

fn media() -> Flow {
    Flow {
        packets: (4, 0),
        ..at("52.114.1.1", (UDP, 3478)).blocked(Blockage::Silent)
    }
}

fn quic() -> Flow {
    to("a.teams.example").over(UDP, 443).blocked(Blockage::Silent)
}

#[test]
fn media_over_udp_without_an_answer_falls_back_to_tcp_of_the_same_range() {
    let relay = at("52.113.9.9", (TCP, 443)).later(10);
    assert_eq!(judged(&[media(), relay.clone()], &[]), ["media fallback 1"]);
    // One way only, for whatever reason it cannot be called blocked.
    let one_way = Flow {
        flags: Vec::new(),
        ..media().unclear(Doubt::NobodyAnswered)
    };
    assert_eq!(judged(&[one_way.clone(), relay.clone()], &[]), ["media fallback 1"]);
    assert_eq!(judged(&[one_way], &[]), ["media inconclusive 1"]);
    assert_eq!(judged(&[media()], &[]), ["media blocked silent 1"]);
}

#[test]
fn what_is_no_fallback() {
    let relay = || at("52.113.9.9", (TCP, 443));
    for other in [
        relay().later(10).from("198.19.0.11"),
        relay().later(100),
        relay().later(10).unclear(Doubt::NoData),
        relay().later(10).over(TCP, 80),
        at("198.18.9.9", (TCP, 443)).later(10),
    ] {
        assert_eq!(judged(&[media(), other], &[]), ["media blocked silent 1"]);
    }
    // Signalling that was there before is not what the call fell back to.
    assert_eq!(judged(&[media().later(30), relay()], &[]), ["media blocked silent 1"]);
}

#[test]
fn quic_falls_back_to_tcp_of_the_same_name() {
    let both = ["*.teams.example fallback 2"];
    assert_eq!(judged(&[quic(), to("a.teams.example").later(1)], &[]), both);
    // Browsers race the two.
    assert_eq!(judged(&[quic().later(1), to("a.teams.example")], &[]), both);
    assert_eq!(
        judged(&[quic(), to("b.teams.example").later(1)], &[]),
        ["*.teams.example blocked silent 2"]
    );
}
