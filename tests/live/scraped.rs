//! `--metrics`: scraped while packets pass, and by those who do not mean well.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Lab, PATIENCE, inside, ip};
use crate::{replay, sample, skipped};

const ROLE: &str = "FLOWSIFT_SCRAPE";

/// Played inside the namespace, where the port is: asks, and prints the answer.
#[test]
fn scrape() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let address: SocketAddr = "127.0.0.1:9290".parse().expect("an address");
    match role.as_str() {
        // Connections that say nothing, garbage, and a request that never ends; they stay until we go.
        "crowd" => {
            let mut crowd: Vec<TcpStream> = (0..100).filter_map(|_| TcpStream::connect(address).ok()).collect();
            for (number, stream) in crowd.iter_mut().enumerate() {
                let _ = match number % 3 {
                    0 => stream.write_all(b"GET /metrics HTTP/1.1\r\nX: "),
                    1 => stream.write_all(&[0xff; 20_000]),
                    _ => Ok(()),
                };
            }
            println!("<<{}>>", ask(address));
        }
        _ => println!("<<{}>>", ask(address)),
    }
}

fn ask(address: SocketAddr) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let _ = stream.read_to_string(&mut text);
    }
    text
}

/// The page as it is seen in the listener's namespace.
fn scraped(lab: &Lab, role: &str) -> String {
    let own = std::env::current_exe().expect("the test's own path");
    let mut command = inside(&lab.near, own.to_str().expect("a plain path"));
    command
        .args(["--exact", "scraped::scrape", "--nocapture"])
        .env(ROLE, role);
    let output = command.stderr(Stdio::null()).output().expect("the scraper runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let page = text.split_once("<<").and_then(|(_, rest)| rest.rsplit_once(">>"));
    page.map(|(page, _)| page.to_owned()).unwrap_or_default()
}

fn value(page: &str, series: &str) -> Option<f64> {
    let rest = page.lines().find_map(|line| line.strip_prefix(series))?;
    rest.trim().parse().ok()
}

#[test]
fn numbers_are_served_while_packets_pass() {
    let lab = lab!();
    ip(&["-n", &lab.near, "link", "set", "lo", "up"]).expect("a loopback");
    let sample = sample("office.pcapng");
    let listener = lab.listen(&["--metrics", "9290", "--class", "salestim"]);
    replay(&lab, &sample);
    // Rows leave when flows end; lookups are counted soon.
    let until = Instant::now() + PATIENCE;
    let page = loop {
        let page = scraped(&lab, "alone");
        let received = format!("flowsift_received_packets_total{{interface=\"{}\"}}", lab.near);
        let heard = value(&page, &received).unwrap_or(0.0);
        if heard > 500.0 && value(&page, "flowsift_packets_total").unwrap_or(0.0) > 500.0 || Instant::now() > until {
            break page;
        }
        thread::sleep(Duration::from_millis(300));
    };
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(value(&page, "flowsift_packets_total").unwrap_or(0.0) > 500.0, "{page}");
    assert!(value(&page, "process_resident_memory_bytes").unwrap_or(0.0) > 1e6);
    assert!(
        value(&page, "flowsift_open_flows").is_some_and(|open| open > 0.0),
        "{page}"
    );
    check_with_promtool(&page);

    let begun = Instant::now();
    let crowded = scraped(&lab, "crowd");
    assert!(crowded.starts_with("HTTP/1.1 200 OK\r\n"), "{crowded}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    listener.signal("TERM");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("metrics at http://127.0.0.1:9290/metrics"));
    assert!(ended.records.iter().any(|record| record["type"] == "flow"));
    let other = |record: &serde_json::Value| record["type"] == "flow" && record["class"] != "salestim";
    assert!(!ended.records.iter().any(other), "what is counted is not what is shown");
}

/// Prometheus' own opinion, where it is installed.
fn check_with_promtool(page: &str) {
    let command = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = command else {
        return skipped("promtool is not installed (Debian: prometheus)");
    };
    let body = page.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let mut stdin = promtool.stdin.take().expect("it is piped");
    stdin.write_all(body.as_bytes()).expect("promtool reads");
    drop(stdin);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}
