//! The frames of QUIC's Initial packets (RFC 9000, section 19).
//!
//! Section 12.4, table 3: an Initial may hold PADDING, PING, ACK, CRYPTO and the transport's
//! CONNECTION_CLOSE, and nothing else. Google's versions 50 and 51 have the same CRYPTO frame under
//! another number, and an ACK of their own.
//!
//! ```text
//! CRYPTO:            varint 6      varint offset   varint length   data
//! ACK:               varint 2, 3   varint largest   delay   range count   first range   (gap   range)*   (3: ect0 ect1 ce)
//! CONNECTION_CLOSE:  varint 0x1c   varint error   varint frame type   varint length   reason
//! ```

use super::cursor::Cursor;
use super::quic::varint;

const PADDING: u64 = 0x00;
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const CRYPTO: u64 = 0x06;
const CONNECTION_CLOSE: u64 = 0x1c;

/// Google's numbers (one byte each).
mod google {
    pub const PADDING: u8 = 0x00;
    pub const CONNECTION_CLOSE: u8 = 0x02;
    pub const PING: u8 = 0x07;
    pub const CRYPTO: u8 = 0x08;
    /// 0b01nullmm: the bits of an ACK say how long its numbers are.
    pub const ACK_MASK: u8 = 0xc0;
    pub const ACK: u8 = 0x40;
    pub const ACK_HAS_BLOCKS: u8 = 0x20;
}

/// RFC 9001, section 4.8: an error code of 0x0100 and above is a TLS alert's description and this.
const CRYPTO_ERROR: u64 = 0x0100;

/// A frame, as far as flowsift is interested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A piece of the handshake.
    Crypto { offset: u64, data: &'a [u8] },
    /// The connection ends; the alert, if TLS is the reason.
    Close { alert: Option<u8> },
    /// PADDING, PING, ACK.
    Other,
}

/// Why a payload cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A frame ends behind the packet.
    Ends,
    /// A frame that an Initial may not hold.
    Kind,
}

/// The frames of one payload, in order. After an error nothing follows.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    rest: Cursor<'a>,
    google: bool,
}

impl<'a> Frames<'a> {
    /// `google`: by Google's numbers.
    pub fn new(payload: &'a [u8], google: bool) -> Self {
        Frames {
            rest: Cursor::new(payload),
            google,
        }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        skip_zeros(&mut self.rest);
        if self.rest.is_empty() {
            return None;
        }
        let frame = match self.google {
            false => ietf_frame(&mut self.rest),
            true => google_frame(&mut self.rest),
        };
        if frame.is_err() {
            self.rest = Cursor::new(&[]);
        }
        Some(frame)
    }
}

/// PADDING is a zero byte a frame, by both numberings, and most of a client's first packet.
#[inline]
fn skip_zeros(c: &mut Cursor<'_>) {
    let rest = c.rest();
    let (blocks, _) = rest.as_chunks::<16>();
    let zero_blocks = blocks.iter().take_while(|b| **b == [0; 16]).count() * 16;
    c.take(zero_blocks);
    let zeros = c.rest().iter().take_while(|b| **b == 0).count();
    c.take(zeros);
}

fn ietf_frame<'a>(c: &mut Cursor<'a>) -> Result<Frame<'a>, FrameError> {
    let kind = varint(c).ok_or(FrameError::Ends)?;
    let frame = match kind {
        PADDING | PING => Some(Frame::Other),
        ACK | ACK_ECN => ack(c, kind),
        CRYPTO => crypto(c),
        CONNECTION_CLOSE => close(c),
        _ => return Err(FrameError::Kind),
    };
    frame.ok_or(FrameError::Ends)
}

fn crypto<'a>(c: &mut Cursor<'a>) -> Option<Frame<'a>> {
    let offset = varint(c)?;
    let length = varint(c)?;
    let data = c.take(usize::try_from(length).ok()?)?;
    Some(Frame::Crypto { offset, data })
}

fn ack<'a>(c: &mut Cursor<'a>, kind: u64) -> Option<Frame<'a>> {
    let (_largest, _delay, ranges) = (varint(c)?, varint(c)?, varint(c)?);
    let _first_range = varint(c)?;
    // Every round takes two bytes or ends: the count needs no cap of its own.
    for _ in 0..ranges {
        let (_gap, _range) = (varint(c)?, varint(c)?);
    }
    if kind == ACK_ECN {
        let (_ect0, _ect1, _ce) = (varint(c)?, varint(c)?, varint(c)?);
    }
    Some(Frame::Other)
}

fn close<'a>(c: &mut Cursor<'a>) -> Option<Frame<'a>> {
    let error = varint(c)?;
    let _frame_type = varint(c)?;
    let length = varint(c)?;
    c.take(usize::try_from(length).ok()?)?;
    let alert = error
        .checked_sub(CRYPTO_ERROR)
        .and_then(|alert| u8::try_from(alert).ok());
    Some(Frame::Close { alert })
}

fn google_frame<'a>(c: &mut Cursor<'a>) -> Result<Frame<'a>, FrameError> {
    let kind = c.u8().ok_or(FrameError::Ends)?;
    let frame = match kind {
        google::PADDING | google::PING => Some(Frame::Other),
        google::CRYPTO => crypto(c),
        google::CONNECTION_CLOSE => google_close(c),
        _ if kind & google::ACK_MASK == google::ACK => google_ack(c, kind),
        _ => return Err(FrameError::Kind),
    };
    frame.ok_or(FrameError::Ends)
}

/// Error (4), and a reason with two bytes of length.
fn google_close<'a>(c: &mut Cursor<'a>) -> Option<Frame<'a>> {
    let _error = c.u32()?;
    c.vector16()?;
    Some(Frame::Close { alert: None })
}

/// Largest (1, 2, 4 or 6 by two bits), delay (2), blocks, timestamps (1 count; the first has 5 bytes, others 3).
fn google_ack<'a>(c: &mut Cursor<'a>, kind: u8) -> Option<Frame<'a>> {
    let width = |bits: u8| match bits & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 6,
    };
    let (largest, block) = (width(kind >> 2), width(kind));
    c.take(largest + 2)?;
    let blocks = match kind & google::ACK_HAS_BLOCKS {
        0 => 0,
        _ => usize::from(c.u8()?),
    };
    c.take(block + blocks * (1 + block))?;
    let stamps = usize::from(c.u8()?);
    if stamps > 0 {
        c.take(5 + (stamps - 1) * 3)?;
    }
    Some(Frame::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Vec<Result<Frame<'_>, FrameError>> {
        Frames::new(payload, false).collect()
    }

    #[test]
    fn a_servers_answer_is_an_ack_and_a_crypto_frame() {
        // RFC 9001, appendix A.3: the beginning, with a shorter CRYPTO frame.
        let payload = [0x02, 0, 0, 0, 0, 0x06, 0, 0x40, 2, 0xaa, 0xbb];
        let data = &[0xaa, 0xbb][..];
        assert_eq!(
            read(&payload),
            [Ok(Frame::Other), Ok(Frame::Crypto { offset: 0, data })]
        );
    }

    #[test]
    fn padding_stands_anywhere() {
        let mut payload = vec![0; 37];
        payload.extend([1, 0, 0, 0x06, 0x44, 0x00, 1, 7]);
        payload.extend([0; 100]);
        let data = &[7][..];
        assert_eq!(
            read(&payload),
            [Ok(Frame::Other), Ok(Frame::Crypto { offset: 1024, data })]
        );
    }

    #[test]
    fn a_close_tells_the_alert() {
        assert_eq!(
            read(&[0x1c, 0x41, 0x28, 0x06, 2, b'n', b'o']),
            [Ok(Frame::Close { alert: Some(40) })]
        );
        assert_eq!(read(&[0x1c, 0x0a, 0, 0]), [Ok(Frame::Close { alert: None })]);
    }

    #[test]
    fn what_an_initial_may_not_hold_ends_it() {
        // STREAM, then a PING that is never reached.
        assert_eq!(read(&[0x08, 1]), [Err(FrameError::Kind)]);
        assert_eq!(read(&[0x06, 0, 5, 1]), [Err(FrameError::Ends)]);
        // An ACK that claims 2^62 - 1 ranges.
        let many = [2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0];
        assert_eq!(read(&many), [Err(FrameError::Ends)]);
    }

    #[test]
    fn google_numbers_its_frames_otherwise() {
        let data = &[1, 2][..];
        let frames: Vec<_> = Frames::new(&[0x07, 0x40, 9, 0, 0, 9, 0, 0x08, 0, 2, 1, 2], true).collect();
        assert_eq!(
            frames,
            [
                Ok(Frame::Other),
                Ok(Frame::Other),
                Ok(Frame::Crypto { offset: 0, data })
            ]
        );
    }
}
