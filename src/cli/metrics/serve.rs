//! As much of HTTP as a scraper needs: one page, read only, a request a connection.
//!
//! Whoever connects may be anybody, slow or mad: a request has a bound in bytes and in time, and so many connections are
//! looked after at once. When one more comes the oldest is closed: a crowd that sits there silently keeps nobody out.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Makes the page, whenever it is asked for.
pub type Page = Arc<dyn Fn() -> String + Send + Sync>;

const CONNECTIONS_AT_MOST: usize = 16;
const REQUEST_AT_MOST: usize = 8 << 10;
/// For the request, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// What comes behind the request is read away for so long: a connection closed with bytes unread takes the answer with it.
const FAREWELL: Duration = Duration::from_millis(200);
/// After accepting failed for want of descriptors or the like.
const BREATH: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(address: SocketAddr, page: Page) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let its = Arc::clone(&over);
        let thread = thread::Builder::new()
            .name("metrics".into())
            .spawn(move || accept(&listener, &page, &its))?;
        Ok(Server {
            address,
            over,
            thread: Some(thread),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The listener waits for somebody: it is us.
        let mut own = self.address;
        if own.ip().is_unspecified() {
            own.set_ip(match own.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let woken = TcpStream::connect_timeout(&own, Duration::from_millis(500)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, page: &Page, over: &AtomicBool) {
    let guests = Arc::new(Guests::default());
    for (number, stream) in (0..).zip(listener.incoming()) {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else {
            thread::sleep(BREATH);
            continue;
        };
        let Ok(handle) = stream.try_clone() else { continue };
        guests.enter(number, handle);
        let leaving = Leaving {
            guests: Arc::clone(&guests),
            number,
        };
        let page = Arc::clone(page);
        let started = thread::Builder::new().name("metrics".into()).spawn(move || {
            let _leaving = leaving;
            let _ = attend(stream, &page);
        });
        if started.is_err() {
            thread::sleep(BREATH);
        }
    }
}

/// Connections that are looked after, the oldest first.
#[derive(Default)]
struct Guests {
    present: Mutex<VecDeque<(u64, TcpStream)>>,
    left: Condvar,
}

impl Guests {
    fn present(&self) -> MutexGuard<'_, VecDeque<(u64, TcpStream)>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room; the oldest is asked to go, whatever it is at.
    fn enter(&self, number: u64, stream: TcpStream) {
        let mut present = self.present();
        while present.len() >= CONNECTIONS_AT_MOST {
            if let Some((_, oldest)) = present.front() {
                let _ = oldest.shutdown(Shutdown::Both);
            }
            let waited = self.left.wait_timeout(present, BREATH);
            present = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(present, _)| present);
        }
        present.push_back((number, stream));
    }
}

/// However the talk ends, its place is free again.
struct Leaving {
    guests: Arc<Guests>,
    number: u64,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.guests.present().retain(|(number, _)| *number != self.number);
        self.guests.left.notify_one();
    }
}

/// One request, one answer.
fn attend(mut stream: TcpStream, page: &Page) -> io::Result<()> {
    let asked = request(&mut stream)?;
    let answer = answer(&asked, page);
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&answer)?;
    stream.shutdown(Shutdown::Write)?;
    drain(&mut stream)
}

/// What came until an empty line; or less, when that was enough.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Head(Vec<u8>),
    TooLong,
    TooSlow,
}

fn request(stream: &mut TcpStream) -> io::Result<Asked> {
    let until = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Asked::TooSlow);
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(Asked::TooSlow);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        head.extend_from_slice(piece.get(..read).unwrap_or_default());
        // RFC 9112 section 2.2: "a recipient MAY recognize a single LF as a line terminator".
        if head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n") {
            return Ok(Asked::Head(head));
        }
        if head.len() > REQUEST_AT_MOST {
            return Ok(Asked::TooLong);
        }
    }
}

fn drain(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(FAREWELL))?;
    let mut rest = [0; 1024];
    for _ in 0..REQUEST_AT_MOST / rest.len() {
        if stream.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn answer(asked: &Asked, page: &Page) -> Vec<u8> {
    let head = match asked {
        Asked::TooLong => {
            return response(
                "431 Request Header Fields Too Large",
                TEXT,
                "the request is too long\n",
                true,
            );
        }
        Asked::TooSlow => return response("408 Request Timeout", TEXT, "the request came too slowly\n", true),
        Asked::Head(head) => head,
    };
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words = std::str::from_utf8(line).unwrap_or_default().trim_end();
    let mut words = words.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return response("400 Bad Request", TEXT, "this is no HTTP request\n", true);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return response("400 Bad Request", TEXT, "this is no HTTP/1.1 request\n", true);
    }
    let with_body = match method {
        "GET" => true,
        "HEAD" => false,
        _ => {
            let (body, status) = ("only GET and HEAD\n", "405 Method Not Allowed\r\nAllow: GET, HEAD");
            return response(status, TEXT, body, true);
        }
    };
    match target.split('?').next() {
        Some("/metrics") => response("200 OK", METRICS, &page(), with_body),
        Some("/") => response("200 OK", TEXT, "flowsift: the metrics are at /metrics\n", with_body),
        _ => response("404 Not Found", TEXT, "the metrics are at /metrics\n", with_body),
    }
}

fn response(status: &str, kind: &str, body: &str, with_body: bool) -> Vec<u8> {
    let length = body.len();
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    if with_body {
        text.push_str(body);
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let local = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
        Server::start(local, Arc::new(|| "up 1\n".to_owned())).unwrap()
    }

    fn ask(server: &Server, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // It may have been answered, and closed, before all of it was sent.
        let _ = stream.write_all(request);
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_page_is_given_to_who_asks_for_it() {
        let server = server();
        let page = ask(&server, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        assert!(page.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 5\r\n"));
        assert!(page.ends_with("\r\n\r\nup 1\n"));
        let head = ask(&server, b"HEAD /metrics HTTP/1.0\n\n");
        assert!(
            head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        assert!(ask(&server, b"GET / HTTP/1.1\r\n\r\n").ends_with("the metrics are at /metrics\n"));
    }

    #[test]
    fn anything_else_is_refused_in_a_line() {
        let server = server();
        let long = vec![b'a'; REQUEST_AT_MOST + 2048];
        for (request, status) in [
            (&b"GET /other HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\x16\x03\x01\x00\xc8\x01\n\n", "400"),
            (b"GET /metrics\r\n\r\n", "400"),
            (b"GET http://a/metrics HTTP/1.1\r\n\r\n", "400"),
            (b"GET /metrics HTTP/2\r\n\r\n", "400"),
            (&long, "431"),
        ] {
            let said = ask(&server, request);
            assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {said}");
        }
    }

    #[test]
    fn a_crowd_that_says_nothing_keeps_nobody_out() {
        let server = server();
        let begun = Instant::now();
        let crowd: Vec<TcpStream> = (0..100)
            .map(|_| TcpStream::connect(server.address()).unwrap())
            .collect();
        assert!(ask(&server, b"GET /metrics HTTP/1.1\r\n\r\n").ends_with("up 1\n"));
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        drop(crowd);
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let server = server();
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
