//! TLS on the wire: records, hellos of every age, and the rest of a handshake as far as a listener sees it.

use super::bytes::{Noise, Out};
use super::script::bytes_of_name;

pub mod content {
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
}

mod handshake {
    pub const CLIENT_HELLO: u8 = 1;
    pub const SERVER_HELLO: u8 = 2;
    pub const CERTIFICATE: u8 = 11;
    pub const SERVER_KEY_EXCHANGE: u8 = 12;
    pub const SERVER_HELLO_DONE: u8 = 14;
    pub const CLIENT_KEY_EXCHANGE: u8 = 16;
}

mod extension {
    pub const SERVER_NAME: u16 = 0;
    pub const SUPPORTED_GROUPS: u16 = 10;
    pub const POINT_FORMATS: u16 = 11;
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    pub const ALPN: u16 = 16;
    pub const EXTENDED_MASTER_SECRET: u16 = 23;
    pub const SUPPORTED_VERSIONS: u16 = 43;
    pub const KEY_SHARE_MODES: u16 = 45;
    pub const KEY_SHARE: u16 = 51;
    pub const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
    pub const RENEGOTIATION_INFO: u16 = 0xff01;
}

mod group {
    pub const P256: u16 = 23;
    pub const X25519: u16 = 29;
    pub const X25519_MLKEM768: u16 = 0x11ec;
}

/// One of the values that mean nothing, so that servers learn to ignore what they do not know (RFC 8701).
const GREASE: u16 = 0x6a6a;
const MODERN_CIPHERS: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8];
const OLD_CIPHERS: [u16; 4] = [0xc013, 0xc014, 0x002f, 0x0035];
/// "A HelloRetryRequest is a ServerHello with this Random" (RFC 8446, 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

pub const TLS10: u16 = 0x0301;
pub const TLS12: u16 = 0x0303;
pub const TLS13: u16 = 0x0304;

/// A version as scripts write it.
pub fn version_of_word(word: &str) -> Option<u16> {
    Some(match word {
        "ssl3" => 0x0300,
        "1.0" => TLS10,
        "1.1" => 0x0302,
        "1.2" => TLS12,
        "1.3" => TLS13,
        draft => 0x7f00 | draft.strip_prefix("1.3-draft")?.parse::<u16>().ok()?,
    })
}

/// Whether this is TLS 1.3 or one of its drafts.
pub fn is_13(version: u16) -> bool {
    version >= TLS13
}

/// What a client asks for.
#[derive(Clone, Default)]
pub struct Hello {
    /// Best first.
    pub offers: Vec<u16>,
    pub sni: Option<String>,
    pub alpn: Vec<String>,
    /// A browser's hello: GREASE, and a key share that no longer fits into one segment.
    pub post_quantum: bool,
    pub ech: bool,
    /// The group of the second hello, after a HelloRetryRequest.
    pub retried: bool,
}

impl Hello {
    fn best(&self) -> u16 {
        self.offers.first().copied().unwrap_or(TLS12)
    }

    /// The handshake message.
    pub fn write(&self, noise: &mut Noise) -> Vec<u8> {
        message(handshake::CLIENT_HELLO, |out| {
            out.u16(self.best().min(TLS12)).bytes(&noise.bytes(32));
            let session = if is_13(self.best()) { 32 } else { 0 };
            out.vector8(|out| {
                out.bytes(&noise.bytes(session));
            });
            out.vector16(|out| {
                if self.post_quantum {
                    out.u16(GREASE);
                }
                if self.best() >= TLS12 {
                    let skipped = if is_13(self.best()) { 0 } else { 3 };
                    MODERN_CIPHERS[skipped..].iter().for_each(|cipher| {
                        out.u16(*cipher);
                    });
                }
                OLD_CIPHERS.iter().for_each(|cipher| {
                    out.u16(*cipher);
                });
            });
            out.vector8(|out| {
                let no_compression = 0;
                out.u8(no_compression);
            });
            // SSLv3 has no extensions.
            if self.best() >= TLS10 {
                out.vector16(|out| self.extensions(out, noise));
            }
        })
    }

    fn extensions(&self, out: &mut Out, noise: &mut Noise) {
        if self.post_quantum {
            put(out, GREASE, |_| {});
        }
        if let Some(name) = &self.sni {
            put(out, extension::SERVER_NAME, |out| {
                let host_name = 0;
                out.vector16(|out| {
                    out.u8(host_name).vector16(|out| {
                        out.bytes(&bytes_of_name(name));
                    });
                });
            });
        }
        put(out, extension::EXTENDED_MASTER_SECRET, |_| {});
        put(out, extension::RENEGOTIATION_INFO, |out| {
            out.u8(0);
        });
        put(out, extension::SUPPORTED_GROUPS, |out| {
            out.vector16(|out| {
                if self.post_quantum {
                    out.u16(GREASE).u16(group::X25519_MLKEM768);
                }
                out.u16(group::X25519).u16(group::P256);
            });
        });
        put(out, extension::POINT_FORMATS, |out| {
            out.vector8(|out| {
                out.u8(0);
            });
        });
        if !self.alpn.is_empty() {
            put(out, extension::ALPN, |out| {
                out.vector16(|out| put_protocols(out, &self.alpn));
            });
        }
        if self.best() >= TLS12 {
            put(out, extension::SIGNATURE_ALGORITHMS, |out| {
                out.vector16(|out| {
                    out.u16(0x0403).u16(0x0804).u16(0x0401).u16(0x0805);
                });
            });
        }
        if is_13(self.best()) {
            self.extensions_of_13(out, noise);
        }
    }

    fn extensions_of_13(&self, out: &mut Out, noise: &mut Noise) {
        put(out, extension::KEY_SHARE, |out| {
            out.vector16(|out| match (self.retried, self.post_quantum) {
                (true, _) => put_share(out, group::P256, 65, noise),
                (false, false) => put_share(out, group::X25519, 32, noise),
                (false, true) => {
                    put_share(out, GREASE, 1, noise);
                    put_share(out, group::X25519_MLKEM768, 1184 + 32, noise);
                    put_share(out, group::X25519, 32, noise);
                }
            });
        });
        let psk_with_dhe = 1;
        put(out, extension::KEY_SHARE_MODES, |out| {
            out.vector8(|out| {
                out.u8(psk_with_dhe);
            });
        });
        put(out, extension::SUPPORTED_VERSIONS, |out| {
            out.vector8(|out| {
                if self.post_quantum {
                    out.u16(GREASE);
                }
                self.offers.iter().for_each(|version| {
                    out.u16(*version);
                });
            });
        });
        if self.ech {
            put(out, extension::ENCRYPTED_CLIENT_HELLO, |out| {
                let (outer, hkdf_sha256, aes_128_gcm) = (0, 1, 1);
                out.u8(outer).u16(hkdf_sha256).u16(aes_128_gcm).u8(7);
                out.vector16(|out| {
                    out.bytes(&noise.bytes(32));
                });
                out.vector16(|out| {
                    out.bytes(&noise.bytes(208));
                });
            });
        }
    }
}

/// The hello of clients that could still fall back to SSLv2 (RFC 5246, E.2): a record of its own kind, no extensions.
pub fn sslv2_hello(version: u16, noise: &mut Noise) -> Vec<u8> {
    let mut body = Out::default();
    let client_hello = 1;
    body.u8(client_hello).u16(version);
    body.u16(3 * OLD_CIPHERS.len() as u16).u16(0).u16(16);
    for cipher in OLD_CIPHERS {
        body.u8(0).u16(cipher);
    }
    body.bytes(&noise.bytes(16));
    let mut out = Out::default();
    out.u16(0x8000 | body.0.len() as u16).bytes(&body.0);
    out.0
}

/// The server's choice.
pub struct Answer {
    pub version: u16,
    pub post_quantum: bool,
    pub alpn: Option<String>,
    pub retry: bool,
}

impl Answer {
    pub fn cipher(&self) -> u16 {
        match self.version {
            version if is_13(version) => 0x1301,
            TLS12 => 0xc02f,
            0x0300 => 0x0035,
            _ => 0xc013,
        }
    }

    /// The ServerHello, or the HelloRetryRequest that looks like one.
    pub fn write(&self, noise: &mut Noise) -> Vec<u8> {
        let random = noise.bytes(32);
        message(handshake::SERVER_HELLO, |out| {
            out.u16(self.version.min(TLS12));
            out.bytes(if self.retry { &RETRY_RANDOM } else { &random });
            out.vector8(|out| {
                out.bytes(&noise.bytes(32));
            });
            out.u16(self.cipher()).u8(0);
            if is_13(self.version) {
                out.vector16(|out| {
                    put(out, extension::SUPPORTED_VERSIONS, |out| {
                        out.u16(self.version);
                    });
                    put(out, extension::KEY_SHARE, |out| match (self.retry, self.post_quantum) {
                        (true, _) => {
                            out.u16(group::P256);
                        }
                        (false, true) => put_share(out, group::X25519_MLKEM768, 1088 + 32, noise),
                        (false, false) => put_share(out, group::X25519, 32, noise),
                    });
                });
            } else if self.version >= TLS10 {
                out.vector16(|out| {
                    put(out, extension::RENEGOTIATION_INFO, |out| {
                        out.u8(0);
                    });
                    if let Some(protocol) = &self.alpn {
                        put(out, extension::ALPN, |out| {
                            out.vector16(|out| put_protocols(out, std::slice::from_ref(protocol)));
                        });
                    }
                });
            }
        })
    }
}

pub fn certificates(chain: &[Vec<u8>]) -> Vec<u8> {
    message(handshake::CERTIFICATE, |out| {
        out.vector24(|out| {
            for certificate in chain {
                out.vector24(|out| {
                    out.bytes(certificate);
                });
            }
        });
    })
}

pub fn server_key_exchange(version: u16, noise: &mut Noise) -> Vec<u8> {
    message(handshake::SERVER_KEY_EXCHANGE, |out| {
        let named_curve = 3;
        out.u8(named_curve).u16(group::X25519);
        out.vector8(|out| {
            out.bytes(&noise.bytes(32));
        });
        if version >= TLS12 {
            out.u16(0x0403);
        }
        out.vector16(|out| {
            out.bytes(&noise.bytes(71));
        });
    })
}

pub fn server_hello_done() -> Vec<u8> {
    message(handshake::SERVER_HELLO_DONE, |_| {})
}

pub fn client_key_exchange(noise: &mut Noise) -> Vec<u8> {
    message(handshake::CLIENT_KEY_EXCHANGE, |out| {
        out.vector8(|out| {
            out.bytes(&noise.bytes(32));
        });
    })
}

/// The bytes in records of at most `limit` bytes each.
pub fn records(kind: u8, version: u16, bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Out::default();
    for piece in bytes.chunks(limit) {
        out.u8(kind).u16(version.min(TLS12));
        out.vector16(|out| {
            out.bytes(piece);
        });
    }
    out.0
}

fn message(kind: u8, body: impl FnOnce(&mut Out)) -> Vec<u8> {
    let mut out = Out::default();
    out.u8(kind).vector24(body);
    out.0
}

fn put(out: &mut Out, kind: u16, body: impl FnOnce(&mut Out)) {
    out.u16(kind).vector16(body);
}

fn put_share(out: &mut Out, group: u16, size: usize, noise: &mut Noise) {
    out.u16(group).vector16(|out| {
        out.bytes(&noise.bytes(size));
    });
}

fn put_protocols(out: &mut Out, protocols: &[String]) {
    for protocol in protocols {
        out.vector8(|out| {
            out.bytes(protocol.as_bytes());
        });
    }
}
