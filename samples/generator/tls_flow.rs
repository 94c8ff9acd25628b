//! The verb `tls`: one connection from SYN to its end, in any version, and the ways in which it fails.

use super::certificate::{Build, Certificate};
use super::day::Day;
use super::preamble::Preamble;
use super::script::Statement;
use super::talk::{Oddities, Side, Talk};
use super::tls_messages::{self as tls, Answer, Hello, TLS10, TLS12, TLS13, content};

/// How a connection goes on after the hello, or ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Closed,
    Reset,
    Open,
    /// The hello is never answered but acknowledged.
    SilentAfterHello,
    ResetAfterHello,
    FinishedAfterHello,
    /// Only an alert of this description answers.
    Alert(u8),
}

struct Tls {
    /// What is said in the clear before.
    preamble: Option<Preamble>,
    hello: Hello,
    version: u16,
    sslv2: bool,
    /// Nothing but ciphertext is seen: the handshake was before.
    data_only: bool,
    certificate: Certificate,
    retry: bool,
    bytes: [usize; 2],
    /// Largest record of the two hellos' flights.
    record: usize,
    fate: Fate,
    odd: Oddities,
}

const WHOLE_RECORD: usize = 16_384;
const USUAL_ISSUER: &str = "CN=Microsoft Azure RSA TLS Issuing CA 03, O=Microsoft Corporation, C=US";

/// `tls ADDRESS:PORT [sni NAME] [version V] [offers V,V] [alpn P,P] ...`; the README has them all.
pub fn play(day: &mut Day, statement: &mut Statement) -> Result<(), String> {
    let server = statement.socket()?;
    let flow = parse(statement)?;
    let mut talk = Talk::new(day, server, flow.odd.clone())?;
    talk.open(day);
    let said = match &flow.preamble {
        Some(preamble) => preamble.play(day, &mut talk, server)?,
        None => Some(Vec::new()),
    };
    match said {
        Some(front) => flow.shake(day, &mut talk, front),
        None => talk.close(day),
    }
    day.clock = talk.now;
    Ok(())
}

fn parse(statement: &mut Statement) -> Result<Tls, String> {
    let mut flow = Tls {
        preamble: None,
        hello: Hello::default(),
        version: TLS12,
        sslv2: false,
        data_only: false,
        certificate: Certificate {
            names: Vec::new(),
            issuer: USUAL_ISSUER.into(),
            valid: ["2026-01-01".into(), "2027-01-01".into()],
            build: Build::Elliptic,
        },
        retry: false,
        bytes: [400, 1200],
        record: WHOLE_RECORD,
        fate: Fate::Closed,
        odd: Oddities::default(),
    };
    while let Some(word) = statement.next() {
        match word.as_str() {
            "through" | "after" | "behind" => flow.preamble = Some(Preamble::of_statement(&word, statement)?),
            "sni" => flow.hello.sni = Some(statement.word("a name")?),
            "version" => flow.version = version(&statement.word("a version")?)?,
            "offers" => {
                let words = statement.list::<String>("a version")?;
                flow.hello.offers = words.iter().map(|w| version(w)).collect::<Result<_, _>>()?;
            }
            "alpn" => flow.hello.alpn = statement.list("a protocol")?,
            "cert" => flow.certificate.names = statement.list("a name")?,
            "rsa" => flow.certificate.build = Build::Rsa,
            "issuer" => flow.certificate.issuer = statement.word("a name")?,
            "valid" => flow.certificate.valid = [statement.word("a day")?, statement.word("a day")?],
            "bytes" => flow.bytes = [statement.value("a count")?, statement.value("a count")?],
            "records" => flow.record = statement.value("a count of bytes")?,
            "pq" => flow.hello.post_quantum = true,
            "ech" => flow.hello.ech = true,
            "retry" => flow.retry = true,
            "data-only" => flow.data_only = true,
            "sslv2-hello" => flow.sslv2 = true,
            "alert" => flow.fate = Fate::Alert(statement.value("an alert's number")?),
            "ends" => {
                flow.fate = match statement.word("an end")?.as_str() {
                    "closed" => Fate::Closed,
                    "reset" => Fate::Reset,
                    "open" => Fate::Open,
                    "silent-after-hello" => Fate::SilentAfterHello,
                    "reset-after-hello" => Fate::ResetAfterHello,
                    "finished-after-hello" => Fate::FinishedAfterHello,
                    other => return statement.unexpected(other),
                };
            }
            other if flow.odd.take(other, statement)? => {}
            other => return statement.unexpected(other),
        }
    }
    if flow.hello.offers.is_empty() {
        flow.hello.offers = match flow.version {
            TLS12 | TLS13 => vec![TLS13, TLS12],
            version if tls::is_13(version) => vec![version, TLS12],
            version => vec![version],
        };
    }
    if flow.certificate.names.is_empty() {
        flow.certificate.names = flow.hello.sni.clone().into_iter().collect();
    }
    Ok(flow)
}

fn version(word: &str) -> Result<u16, String> {
    tls::version_of_word(word).ok_or_else(|| format!("`{word}` is not a version"))
}

impl Tls {
    /// `front`: what leaves together with the hello.
    fn shake(&self, day: &mut Day, talk: &mut Talk, front: Vec<u8>) {
        if self.data_only {
            return self.exchange(day, talk);
        }
        let hello = match self.sslv2 {
            true => tls::sslv2_hello(self.version, &mut day.noise),
            // "the record version is 0x0301 for an initial ClientHello" (RFC 8446, 5.1)
            false => tls::records(
                content::HANDSHAKE,
                self.version.min(TLS10),
                &self.hello.write(&mut day.noise),
                self.record,
            ),
        };
        talk.say(day, Side::Client, &[front, hello].concat());
        match self.fate {
            Fate::SilentAfterHello => return,
            Fate::ResetAfterHello => return talk.reset(day, Side::Server),
            Fate::FinishedAfterHello => {
                talk.finish(day, Side::Server);
                return talk.finish(day, Side::Client);
            }
            Fate::Alert(description) => {
                let fatal = 2;
                let alert = tls::records(content::ALERT, self.version, &[fatal, description], 2);
                talk.say(day, Side::Server, &alert);
                return talk.close(day);
            }
            Fate::Closed | Fate::Reset | Fate::Open => {}
        }
        match tls::is_13(self.version) {
            true => self.finish_13(day, talk),
            false => self.finish_12(day, talk),
        }
        self.exchange(day, talk);
        match self.fate {
            Fate::Open => {}
            Fate::Reset => talk.reset(day, Side::Client),
            _ => talk.close(day),
        }
    }

    fn answer(&self, retry: bool) -> Answer {
        Answer {
            version: self.version,
            post_quantum: self.hello.post_quantum,
            alpn: self.hello.alpn.first().cloned(),
            retry,
        }
    }

    /// Hello, certificate and key exchange in the clear; then both sides change to ciphertext.
    fn finish_12(&self, day: &mut Day, talk: &mut Talk) {
        let answer = self.answer(false);
        let mut flight = answer.write(&mut day.noise);
        let chain = self.certificate.chain(&mut day.noise);
        flight.extend(tls::certificates(&chain));
        if answer.cipher() >> 8 == 0xc0 {
            flight.extend(tls::server_key_exchange(self.version, &mut day.noise));
        }
        flight.extend(tls::server_hello_done());
        let flight = tls::records(content::HANDSHAKE, self.version, &flight, self.record);
        talk.say(day, Side::Server, &flight);
        let mut reply = tls::client_key_exchange(&mut day.noise);
        reply = tls::records(content::HANDSHAKE, self.version, &reply, WHOLE_RECORD);
        reply.extend(self.change_cipher_spec());
        reply.extend(self.secret(day, content::HANDSHAKE, 40));
        talk.say(day, Side::Client, &reply);
        let mut finished = self.change_cipher_spec();
        finished.extend(self.secret(day, content::HANDSHAKE, 40));
        talk.say(day, Side::Server, &finished);
    }

    /// After the ServerHello all is ciphertext; the ChangeCipherSpec is there for middleboxes alone.
    fn finish_13(&self, day: &mut Day, talk: &mut Talk) {
        if self.retry {
            let request = self.answer(true).write(&mut day.noise);
            let mut flight = tls::records(content::HANDSHAKE, TLS12, &request, WHOLE_RECORD);
            flight.extend(self.change_cipher_spec());
            talk.say(day, Side::Server, &flight);
            let again = Hello {
                retried: true,
                ..self.hello.clone()
            }
            .write(&mut day.noise);
            let mut flight = self.change_cipher_spec();
            flight.extend(tls::records(content::HANDSHAKE, TLS12, &again, WHOLE_RECORD));
            talk.say(day, Side::Client, &flight);
        }
        let hello = self.answer(false).write(&mut day.noise);
        let mut flight = tls::records(content::HANDSHAKE, TLS12, &hello, self.record);
        if !self.retry {
            flight.extend(self.change_cipher_spec());
        }
        // EncryptedExtensions, Certificate, CertificateVerify and Finished, unreadable.
        flight.extend(self.secret(day, content::APPLICATION_DATA, 1100));
        talk.say(day, Side::Server, &flight);
        let mut reply = if self.retry {
            Vec::new()
        } else {
            self.change_cipher_spec()
        };
        reply.extend(self.secret(day, content::APPLICATION_DATA, 53));
        talk.say(day, Side::Client, &reply);
    }

    fn exchange(&self, day: &mut Day, talk: &mut Talk) {
        for side in [Side::Client, Side::Server] {
            let data = self.secret(day, content::APPLICATION_DATA, self.bytes[side as usize]);
            talk.say(day, side, &data);
        }
    }

    fn change_cipher_spec(&self) -> Vec<u8> {
        tls::records(content::CHANGE_CIPHER_SPEC, self.version, &[1], 1)
    }

    fn secret(&self, day: &mut Day, kind: u8, count: usize) -> Vec<u8> {
        let bytes = day.noise.bytes(count);
        tls::records(kind, self.version, &bytes, WHOLE_RECORD)
    }
}
