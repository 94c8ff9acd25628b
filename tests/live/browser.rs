//! A real browser, real servers, and flowsift listening between them.
//!
//! The browser is told by which key it shall know the servers and where their names lead; neither namespace has a way
//! out. Needs `chromium`, `openssl`, and `nginx` or Python's `aioquic`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lab::{Lab, PATIENCE, inside, ip, output};
use super::skipped;

const WEB: &str = "198.18.77.2";
const RETRYING: &str = "198.18.77.3";
const OTHER_VERSION: &str = "198.18.77.4";

#[test]
fn a_browsers_page_over_tcp() {
    let Some(stage) = Stage::set("nginx", &["-v"]) else {
        return;
    };
    let folder = stage.path();
    std::fs::write(stage.folder.path().join("index.html"), "<p>all is well").unwrap();
    let configuration = format!(
        "daemon off; master_process off; user root; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
         events {{}}
         http {{
             access_log off; root {folder};
             client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; scgi_temp_path {folder}/scgi;
             fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
             server {{
                 listen {WEB}:443 ssl http2; ssl_protocols TLSv1.3;
                 ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
             }}
         }}"
    );
    let file = format!("{folder}/nginx.conf");
    std::fs::write(&file, configuration).unwrap();
    // As on a link to the world: the hello is too long for one segment.
    for space in [&stage.lab.near, &stage.lab.far] {
        ip(&["-n", space, "link", "set", space, "mtu", "1500", "gso_max_segs", "1"]).unwrap();
    }
    let listener = stage.lab.listen(&[]);
    assert!(listener.is_listening());
    let mut nginx = inside(&stage.lab.far, "nginx");
    nginx.args(["-p", &folder, "-c", &file, "-e", &format!("{folder}/nginx.log")]);
    let _nginx = Running::start(nginx);
    stage.wait_for_port_443();

    let dom = output(stage.browser(&["--disable-quic", "--dump-dom", "https://www.example.org/"]));
    let dom = String::from_utf8_lossy(&dom.stdout);
    assert!(dom.contains("all is well"), "the page was not loaded: {dom}");
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);

    let flows = named_flows(&ended.records, "www.example.org");
    // The browser may open connections that it then does not need.
    let finished = flows.iter().filter(|flow| flow["tls"]["version"].is_string());
    assert!(finished.count() >= 1, "{:?}", ended.records);
    for flow in flows {
        assert_eq!((&flow["proto"], &flow["app"]), (&json!("tcp"), &json!("tls")), "{flow}");
        assert_eq!(flow["server"], json!({"ip": WEB, "port": 443}));
        assert_eq!(flow["evidence"]["kind"], "sni");
        assert_eq!(flow["tls"]["sni"], "www.example.org");
        assert_eq!(flow["tls"]["offered"], json!(["1.3", "1.2"]));
        assert_eq!(flow["tls"]["alpn"], json!(["h2", "http/1.1"]));
        assert_eq!(flow["quality"], json!(["ech-possible"]), "{flow}");
        assert!(ja4(flow).starts_with("t13d"), "{flow}");
        if let Some(version) = flow["tls"]["version"].as_str() {
            assert_eq!(version, "1.3");
        }
        // Three packets of TCP, the hello's first segment, its second.
        let frame = |which: &str| flow["frames"][which].as_u64().unwrap();
        assert!(frame("hello") >= frame("first") + 4, "a short hello: {flow}");
    }
}

#[test]
fn a_browsers_pages_over_quic() {
    let Some(stage) = Stage::set("python3", &["-c", "import aioquic"]) else {
        return;
    };
    let folder = stage.path();
    let page = format!("{folder}/page.html");
    // Once the connection of the first visit is closed, a new one begins with 0-RTT.
    let script = "const go = url => fetch(url, {mode: 'no-cors'}).catch(() => 0);
                  go('https://retry.example.org/'); go('https://v2.example.org/');
                  setTimeout(go, 2500, 'https://www.example.org/later');";
    std::fs::write(&page, format!("<p>all is well<script>{script}</script>")).unwrap();
    for address in [RETRYING, OTHER_VERSION] {
        let address = format!("{address}/24");
        ip(&["-n", &stage.lab.far, "addr", "add", &address, "dev", &stage.lab.far]).unwrap();
    }
    let listener = stage.lab.listen(&[]);
    assert!(listener.is_listening());
    let mut server = inside(&stage.lab.far, "python3");
    server.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/lab/quic_server.py"));
    server.args([format!("{folder}/certificate.pem"), format!("{folder}/key.pem"), page]);
    server.args([
        format!("{WEB}=plain"),
        format!("{RETRYING}=retry"),
        format!("{OTHER_VERSION}=v2"),
    ]);
    let server = Running::start(server);
    server.wait_for("listening");

    let forced = "--origin-to-force-quic-on=www.example.org:443,retry.example.org:443,v2.example.org:443";
    let words = [
        "--enable-quic",
        forced,
        "--remote-debugging-port=0",
        "https://www.example.org/",
    ];
    let browser = Running::start(stage.browser(&words));
    server.wait_for("www.example.org /later");
    drop(browser);
    listener.signal("INT");
    let ended = listener.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);

    for (name, address, answered) in [
        ("www.example.org", WEB, true),
        ("retry.example.org", RETRYING, true),
        // It answers with a Version Negotiation, and then there is nothing to negotiate.
        ("v2.example.org", OTHER_VERSION, false),
    ] {
        let flows = named_flows(&ended.records, name);
        assert!(!flows.is_empty(), "{name}: {:?}", ended.records);
        for flow in flows {
            assert_eq!(
                (&flow["proto"], &flow["app"]),
                (&json!("udp"), &json!("quic")),
                "{flow}"
            );
            assert_eq!(flow["server"], json!({"ip": address, "port": 443}));
            assert_eq!(flow["evidence"]["kind"], "quic");
            assert_eq!(flow["quic"]["version"], "v1");
            assert_eq!(flow["tls"]["sni"], name);
            assert_eq!(flow["tls"]["alpn"], json!(["h3"]));
            assert_eq!(flow["quality"], json!(["ech-possible"]), "{flow}");
            assert!(ja4(flow).starts_with("q13d"), "{flow}");
            assert_eq!(flow["tls"]["version"].as_str(), answered.then_some("1.3"), "{flow}");
            let flags = flow["flags"].as_array().unwrap();
            let newer = flags.iter().any(|flag| flag["flag"] == "tls-version");
            assert_eq!(newer, answered, "{flow}");
            // The hello holds a post-quantum key share, and so takes two packets.
            let frame = |which: &str| flow["frames"][which].as_u64().unwrap();
            assert!(frame("hello") > frame("first"), "a short hello: {flow}");
        }
    }
    // It may open more than one connection a visit.
    let mut visits = named_flows(&ended.records, "www.example.org");
    visits.sort_by_key(|flow| flow["frames"]["first"].as_u64());
    let (first, last) = (visits.first().unwrap(), visits.last().unwrap());
    assert_ne!(ja4(first), ja4(last), "the last takes the session of the first up");
}

fn named_flows<'a>(records: &'a [Value], name: &str) -> Vec<&'a Value> {
    let flows = records.iter().filter(|record| record["type"] == "flow");
    flows.filter(|flow| flow["name"] == name).collect()
}

fn ja4(flow: &Value) -> &str {
    flow["tls"]["ja4"].as_str().unwrap_or_default()
}

/// The namespaces, and a folder with a certificate.
struct Stage {
    lab: Lab,
    folder: tempfile::TempDir,
    /// By which the browser knows the servers.
    key_hash: String,
}

impl Stage {
    /// None if something is not there: then that is said, and nothing can be tried.
    fn set(server: &str, trial: &[&str]) -> Option<Stage> {
        let tools: BTreeMap<&str, &[&str]> = [
            ("chromium", &["--version"][..]),
            ("openssl", &["version"]),
            (server, trial),
        ]
        .into();
        for (tool, words) in tools {
            let tried = Command::new(tool).args(words).output();
            if !tried.is_ok_and(|tried| tried.status.success()) {
                skipped(&format!("`{tool} {}`", words.join(" ")));
                return None;
            }
        }
        let lab = match Lab::new() {
            Ok(lab) => lab,
            Err(why) => {
                skipped(&format!("network namespaces: {why}"));
                return None;
            }
        };
        for space in [&lab.near, &lab.far] {
            ip(&["-n", space, "link", "set", "lo", "up"]).unwrap();
        }
        let folder = tempfile::Builder::new().prefix("flowsift").tempdir().unwrap();
        let mut openssl = Command::new("sh");
        openssl.current_dir(folder.path()).args(["-ec", MAKE_CERTIFICATE]);
        let made = output(openssl);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let key_hash = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        Some(Stage { lab, folder, key_hash })
    }

    fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Under `timeout`, which also ends the browser's own children when it is ended itself.
    fn browser(&self, words: &[&str]) -> Command {
        let mut command = inside(&self.lab.near, "timeout");
        command.args(["--kill-after=2", "40", "chromium"]);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-sync",
        ]);
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
        ]);
        command.args(["--disable-default-apps", "--disable-dev-shm-usage"]);
        command.arg(format!("--user-data-dir={}/profile", self.path()));
        command.arg(format!("--ignore-certificate-errors-spki-list={}", self.key_hash));
        command.arg(format!(
            "--host-resolver-rules=MAP www.example.org {WEB}, MAP retry.example.org {RETRYING}, \
             MAP v2.example.org {OTHER_VERSION}, MAP * ^NOTFOUND"
        ));
        command.args(words).env("HOME", self.folder.path());
        command
    }

    /// Asks from the server's own side, so that nothing of it is heard.
    fn wait_for_port_443(&self) {
        let begun = Instant::now();
        loop {
            let mut ss = inside(&self.lab.far, "ss");
            ss.args(["-ltnH", "sport", "=", ":443"]);
            if !output(ss).stdout.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not begin");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Leaves `key.pem` and `certificate.pem`, and prints the hash of the public key.
const MAKE_CERTIFICATE: &str = "
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=www.example.org \
        -addext 'subjectAltName=DNS:*.example.org' -keyout key.pem -out certificate.pem >&2
    openssl pkey -in key.pem -pubout -outform DER | openssl dgst -sha256 -binary | openssl base64";

/// A process and the lines that it prints; ended when dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (to, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        Running { child, lines }
    }

    fn wait_for(&self, line: &str) {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(said) if said == line => return,
                Ok(_) => {}
                Err(_) => panic!("it never said {line:?}"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: `timeout` then ends what it started.
        let _ = Command::new("kill").arg(self.child.id().to_string()).output();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
