//! A client, a router and servers in namespaces of their own.
//!
//! ```text
//!   client                    router                     servers
//!   198.19.0.10 ── veth ── 198.19.0.1 │ 198.18.255.1 ── veth ── 198.18.0.2 dnsmasq   198.18.0.3 squid
//!                          nftables, flowsift listens           198.18.1.12-20 nginx, openssl
//! ```
//!
//! No namespace has a way out of the machine. What is started is ended by process id, and the namespaces go with it.

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::cases::{CASES, Dns, REFUSED_BY_PROXY, UNLISTED, Visit, Wall};
use super::lab::{PATIENCE, inside, ip, output};

/// Tells this binary which role it plays: `servfail ADDRESS` or `stun ADDRESS`.
pub const ROLE: &str = "FLOWSIFT_FIREWALL_ROLE";

/// What has to be there, with a word that makes it end at once.
pub const PROGRAMS: &[(&str, &str)] = &[
    ("nft", "--version"),
    ("dnsmasq", "--version"),
    ("nginx", "-v"),
    ("openssl", "version"),
    ("squid", "-v"),
    ("curl", "--version"),
    ("dig", "-v"),
];

const RESOLVER: &str = "198.18.0.2";
const PROXY_HOST: &str = "198.18.0.3";
const FAILING_RESOLVER: &str = "198.18.0.4";
const SILENT_RESOLVER: &str = "198.18.0.5";
const SERVERS: &[&str] = &[
    RESOLVER,
    PROXY_HOST,
    FAILING_RESOLVER,
    SILENT_RESOLVER,
    "198.18.1.12",
    "198.18.1.13",
    "198.18.1.14",
    "198.18.1.15",
    "198.18.1.16",
    "198.18.1.17",
    "198.18.1.18",
    "198.18.1.19",
    "198.18.1.20",
    "198.18.2.1",
    "198.18.2.2",
    "198.18.2.3",
    "198.18.2.4",
    "198.18.2.5",
    "198.18.2.6",
    "198.18.3.7",
];

/// The three namespaces and what runs in them; gone when dropped.
pub struct Town {
    pub client: String,
    pub router: String,
    pub servers: String,
    folder: TempDir,
    running: Vec<Child>,
}

impl Town {
    /// Builds it, or says what is missing.
    pub fn build() -> Result<Town, String> {
        for (program, word) in PROGRAMS {
            let there = Command::new(program).arg(word).stdin(Stdio::null()).output();
            there.map_err(|_| format!("`{program}` is not there"))?;
        }
        static BUILT: AtomicU32 = AtomicU32::new(0);
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        // Names of interfaces have 15 characters at most.
        let stem = format!("fw{}x{number}", std::process::id() % 100_000);
        let mut town = Town {
            client: format!("{stem}c"),
            router: format!("{stem}r"),
            servers: format!("{stem}s"),
            folder: TempDir::new().map_err(|error| error.to_string())?,
            running: Vec::new(),
        };
        // squid gives up its rights and still has to read what is here.
        allow_all(town.folder.path());
        town.lay_cables().map_err(|why| format!("network namespaces: {why}"))?;
        town.set_walls();
        town.make_certificates();
        town.start_servers();
        Ok(town)
    }

    /// Where flowsift listens: the router's end towards the client.
    pub fn inside_interface(&self) -> String {
        format!("{}0", self.router)
    }

    /// The other one, towards the servers.
    pub fn outside_interface(&self) -> String {
        format!("{}1", self.router)
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a plain path").to_owned()
    }

    /// Writes a file into the town's folder, and says where it is.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is ours");
        path
    }

    fn lay_cables(&self) -> Result<(), String> {
        let Town {
            client,
            router,
            servers,
            ..
        } = self;
        for space in [client, router, servers] {
            ip(&["netns", "add", space])?;
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv4/ip_forward; \
                         echo 0 > /proc/sys/net/ipv4/icmp_ratelimit";
            let _ = inside(space, "sh").args(["-c", quiet]).output();
            ip(&["-n", space, "link", "set", "lo", "up"])?;
        }
        let (inner, outer) = (self.inside_interface(), self.outside_interface());
        for (space, end, router_end) in [(client, client, &inner), (servers, servers, &outer)] {
            ip(&[
                "link", "add", end, "netns", space, "type", "veth", "peer", "name", router_end, "netns", router,
            ])?;
        }
        for (space, end, address) in [
            (client, client, "198.19.0.10/24"),
            (router, &inner, "198.19.0.1/24"),
            (router, &outer, "198.18.255.1/30"),
            (servers, servers, "198.18.255.2/30"),
        ] {
            ip(&["-n", space, "addr", "add", address, "dev", end])?;
            ip(&["-n", space, "link", "set", end, "up"])?;
        }
        ip(&["-n", client, "route", "add", "default", "via", "198.19.0.1"])?;
        ip(&["-n", servers, "route", "add", "default", "via", "198.18.255.1"])?;
        ip(&["-n", router, "route", "add", "198.18.0.0/15", "via", "198.18.255.2"])?;
        for address in SERVERS {
            ip(&["-n", servers, "addr", "add", &format!("{address}/32"), "dev", "lo"])?;
        }
        let resolver = Path::new("/etc/netns").join(client);
        fs::create_dir_all(&resolver)
            .and_then(|()| {
                fs::write(
                    resolver.join("resolv.conf"),
                    format!("nameserver {RESOLVER}\noptions timeout:3 attempts:2\n"),
                )
            })
            .map_err(|error| format!("{}: {error}", resolver.display()))
    }

    fn set_walls(&self) {
        let rules: String = CASES.iter().map(|case| wall_rules(case.wall)).collect();
        let rules = format!(
            "table ip lab {{\n chain forward {{\n  type filter hook forward priority 0; policy accept;\n{rules} }}\n \
             chain leaving {{\n  type nat hook postrouting priority 100;\n  oifname {} masquerade\n }}\n}}\n",
            self.outside_interface()
        );
        self.load_rules("walls.nft", &rules);
    }

    /// Loads rules into the router.
    pub fn load_rules(&self, name: &str, rules: &str) {
        let file = self.file(name, rules);
        let mut nft = inside(&self.router, "nft");
        nft.args(["-f", &file]);
        succeed(nft);
    }

    fn make_certificates(&self) {
        for (file, subject) in [
            ("good", "/O=Lab/CN=Good Lab Authority"),
            ("wrong", "/O=Box/CN=Box Inspection CA"),
        ] {
            self.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 30 -subj {} -keyout {file}.key -out {file}.pem",
                subject.replace(' ', "\\ ")
            ));
            let names = "DNS:*.test,DNS:*.app.test,DNS:*.lab.test,DNS:*.pair.test,DNS:*.laboratory.example,DNS:modern.test,DNS:old.test,\
                         DNS:moved.test,DNS:rerouted.test,DNS:media.test,DNS:strict.test,DNS:intercepted.test,DNS:filtered.test,\
                         DNS:cut.test,DNS:alert.test";
            let extensions = self.file("names.ext", &format!("subjectAltName={names}\n"));
            self.openssl(&format!(
                "req -newkey rsa:2048 -nodes -subj /CN=lab.test -keyout {file}-leaf.key -out {file}-leaf.csr"
            ));
            self.openssl(&format!(
                "x509 -req -in {file}-leaf.csr -CA {file}.pem -CAkey {file}.key -CAcreateserial -days 30 -extfile {extensions} -out {file}-leaf.pem"
            ));
        }
    }

    fn openssl(&self, words: &str) {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("openssl {words}")])
            .current_dir(self.folder.path());
        succeed(command);
    }

    fn start_servers(&mut self) {
        let folder = self.path("");
        let nginx = self.file("nginx.conf", &nginx(&folder));
        let squid = self.file("squid.conf", &squid(&folder));
        self.file("index.html", &"all is well. ".repeat(200));
        let words = dnsmasq();
        self.serve("dnsmasq", &words.iter().map(String::as_str).collect::<Vec<_>>());
        self.serve(
            "nginx",
            &["-p", &folder, "-c", &nginx, "-e", &format!("{folder}nginx.log")],
        );
        let (certificate, key) = (self.path("good-leaf.pem"), self.path("good-leaf.key"));
        let old = [
            "s_server",
            "-accept",
            "198.18.1.14:443",
            "-tls1",
            "-cipher",
            "DEFAULT@SECLEVEL=0",
            "-www",
            "-quiet",
        ];
        self.serve("openssl", &[&old[..], &["-cert", &certificate, "-key", &key]].concat());
        self.serve("squid", &["-N", "-f", &squid]);
        let role = role_in(&self.servers, &format!("servfail {FAILING_RESOLVER}:53"));
        self.start(role);
        self.wait_for(&[
            "198.18.1.12:443",
            "198.18.1.20:443",
            "198.18.1.14:443",
            "198.18.0.3:3128",
            "198.18.0.2:53",
        ]);
    }

    pub fn serve(&mut self, program: &str, words: &[&str]) {
        let mut command = inside(&self.servers, program);
        command.args(words);
        self.start(command);
    }

    fn start(&mut self, mut command: Command) {
        let log = fs::File::create(self.path(&format!("{}.out", self.running.len()))).expect("the folder is ours");
        let errors = log.try_clone().expect("a file can be shared");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        self.running.push(child.expect("`ip` could be run before"));
    }

    /// Waits until all of them are listened at.
    pub fn wait_for(&self, addresses: &[&str]) {
        let begun = Instant::now();
        loop {
            let listing = output(tcp_listeners(&self.servers));
            let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
            let missing: Vec<_> = addresses.iter().filter(|address| !listing.contains(*address)).collect();
            if missing.is_empty() {
                return;
            }
            let logs = || -> String {
                let logs =
                    (0..self.running.len()).filter_map(|log| fs::read_to_string(self.path(&format!("{log}.out"))).ok());
                logs.collect::<Vec<_>>().join("\n")
            };
            assert!(begun.elapsed() < PATIENCE, "nobody listens at {missing:?}: {}", logs());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the client does, to its end.
    pub fn visit(&self, visit: Visit) {
        match visit {
            Visit::Nothing => {}
            Visit::Page(url, words) => {
                self.fetch(url, words);
            }
            Visit::Pages(one, other) => {
                self.fetch(one, &["--connect-timeout", "5"]);
                self.fetch(other, &["--connect-timeout", "5"]);
            }
            Visit::OldTls(name) => {
                let talk = format!(
                    "dig +noedns +short {name}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 8 openssl s_client -connect 198.18.1.14:443 \
                     -tls1 -cipher DEFAULT@SECLEVEL=0 -servername {name} -ign_eof -quiet"
                );
                let mut command = inside(&self.client, "sh");
                command.args(["-c", &talk]);
                output(command);
            }
            Visit::Question(name) => {
                let mut dig = inside(&self.client, "dig");
                dig.args(["+tries=2", "+time=2", "+noedns", name, "A"]);
                output(dig);
            }
            Visit::MediaThenPage(server, url) => {
                output(role_in(&self.client, &format!("stun {server}")));
                self.fetch(url, &[]);
            }
        }
    }

    /// Fetches a page with curl. Whether it succeeds is not asked here: the capture knows.
    pub fn fetch(&self, url: &str, words: &[&str]) -> bool {
        let mut curl = inside(&self.client, "curl");
        curl.args(["-4", "-sS", "-k", "-o", "/dev/null", "--max-time", "14"])
            .args(words)
            .arg(url);
        output(curl).status.success()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
        for space in [&self.client, &self.router, &self.servers] {
            let _ = Command::new("ip").args(["netns", "del", space]).output();
        }
        let _ = fs::remove_dir_all(Path::new("/etc/netns").join(&self.client));
        // Goes only if nobody else has something there.
        let _ = fs::remove_dir("/etc/netns");
    }
}

fn tcp_listeners(space: &str) -> Command {
    let mut command = inside(space, "ss");
    command.args(["-Hltn"]);
    command
}

fn succeed(command: Command) {
    let named = format!("{command:?}");
    let output = output(command);
    assert!(
        output.status.success(),
        "{named}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn allow_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o777));
}

fn wall_rules(wall: Wall) -> String {
    let rules: &[(&str, &str)] = &match wall {
        Wall::Open => return String::new(),
        Wall::Drop(ip) => [(ip, "drop")],
        Wall::Reset(ip) => [(ip, "meta l4proto tcp reject with tcp reset")],
        Wall::Reject(ip) => [(ip, "reject")],
        Wall::Prohibit(ip) => [(ip, "reject with icmp admin-prohibited")],
        // A hello is longer than anything before it.
        Wall::DropHello(ip) => [(ip, "meta length > 150 drop")],
        Wall::ResetHello(ip) => [(ip, "meta l4proto tcp meta length > 150 reject with tcp reset")],
        Wall::DropUdp(ip) => [(ip, "meta l4proto udp drop")],
        Wall::DropOtherPorts(ip) => [(ip, "tcp dport != 443 drop")],
    };
    rules
        .iter()
        .map(|(ip, what)| format!("  ip daddr {ip} {what}\n"))
        .collect()
}

fn dnsmasq() -> Vec<String> {
    let words = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--user=root",
        "--pid-file=",
        "--bind-interfaces",
        "--local-ttl=60",
        "--no-negcache",
    ];
    let mut words: Vec<String> = words.map(String::from).to_vec();
    words.push(format!("--listen-address={RESOLVER}"));
    let listed = CASES.iter().flat_map(|case| case.dns);
    words.extend(listed.chain([&UNLISTED.dns]).map(|dns| match dns {
        Dns::Address(name, ip) => format!("--host-record={name},{ip}"),
        Dns::Alias(name, target) => format!("--cname={name},{target}"),
        Dns::Missing(name) => format!("--local=/{name}/"),
        Dns::Failing(name) => format!("--server=/{name}/{FAILING_RESOLVER}"),
        Dns::Silent(name) => format!("--server=/{name}/{SILENT_RESOLVER}"),
    }));
    words
}

fn nginx(folder: &str) -> String {
    let server = |listen: &str, leaf: &str, more: &str| {
        format!(
            "server {{ {listen} ssl_certificate {folder}{leaf}-leaf.pem; ssl_certificate_key {folder}{leaf}-leaf.key; {more} }}\n"
        )
    };
    let both = "ssl_protocols TLSv1.2 TLSv1.3;";
    let open = "listen 198.18.1.12:443 ssl; listen 198.18.1.16:443 ssl; listen 198.18.1.17:443 ssl; listen 198.18.1.20:443 ssl; \
                listen 198.18.1.20:80; listen 198.18.3.7:443 ssl;";
    let servers = [
        server(open, "good", both),
        server("listen 198.18.1.13:443 ssl;", "good", "ssl_protocols TLSv1.3;"),
        server("listen 198.18.1.18:443 ssl;", "good", "ssl_reject_handshake on;"),
        server("listen 198.18.1.19:443 ssl;", "wrong", both),
    ]
    .concat();
    format!(
        "daemon off; master_process off; user root; pid {folder}nginx.pid; error_log {folder}nginx.log;
         events {{}}
         http {{
             access_log off; root {folder}; ssl_session_tickets off; keepalive_timeout 2s;
             client_body_temp_path {folder}body; proxy_temp_path {folder}proxy; scgi_temp_path {folder}scgi;
             fastcgi_temp_path {folder}fastcgi; uwsgi_temp_path {folder}uwsgi;
             {servers}
         }}"
    )
}

fn squid(folder: &str) -> String {
    format!(
        "http_port {PROXY_HOST}:3128\npid_filename none\ncache deny all\ncache_log {folder}squid.log\naccess_log none\n\
         coredump_dir {folder}\ndns_nameservers {RESOLVER}\nvisible_hostname proxy.test\nshutdown_lifetime 0 seconds\n\
         acl denied dstdomain {REFUSED_BY_PROXY}\nhttp_access deny denied\nhttp_access allow all\n"
    )
}

/// This binary, in a role, in a namespace.
fn role_in(space: &str, words: &str) -> Command {
    let program = std::env::current_exe().expect("it runs");
    let mut command = inside(space, program.to_str().expect("a plain path"));
    command.args(["--exact", "role", "--nocapture"]).env(ROLE, words);
    command
}

/// What runs in the namespaces beside real programs.
pub fn play(words: &str) {
    match words.split(' ').collect::<Vec<_>>().as_slice() {
        // A resolver that answers every question with SERVFAIL, until it is killed.
        ["servfail", address] => {
            let socket = UdpSocket::bind(address).expect("the address is free");
            let mut question = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let mut answer = question[..length].to_vec();
                // QR, recursion desired and available; code 2 (RFC 1035, section 4.1.1).
                if let Some(flags) = answer.get_mut(2..4) {
                    flags.copy_from_slice(&[0x81, 0x82]);
                }
                let _ = socket.send_to(&answer, from);
            }
        }
        // STUN binding requests (RFC 8489, section 5), as a client sends them whom nobody answers.
        ["stun", server] => {
            let socket = UdpSocket::bind("0.0.0.0:50000").expect("the port is free");
            let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
            request.extend(*b"twelve bytes");
            for _ in 0..3 {
                let _ = socket.send_to(&request, server);
                thread::sleep(Duration::from_millis(500));
            }
        }
        other => {
            let _ = writeln!(std::io::stderr(), "no role: {other:?}");
        }
    }
}
