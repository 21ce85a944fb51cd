//! Base64 as checksums are written (RFC 4648 §4): with padding outward, with or without it inward.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[allow(clippy::indexing_slicing, reason = "six bits are an index of 64")]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| (bits << 8) | u32::from(group.get(at).copied().unwrap_or(0)));
        for digit in 0..4 {
            let known = digit <= group.len();
            text.push(if known { char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]) } else { '=' });
        }
    }
    text
}

/// Exactly so many bytes; `None` for anything else, such as bits to spare that are set.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (mut bytes, mut at, mut bits, mut count) = ([0; N], 0, 0u32, 0);
    for digit in text.trim().trim_end_matches('=').bytes() {
        bits = (bits << 6) | DIGITS.iter().position(|known| *known == digit)? as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(at)? = (bits >> count) as u8;
            bits &= (1 << count) - 1;
            at += 1;
        }
    }
    (at == N && bits == 0 && count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(encode(plain.as_bytes()), text);
        }
        assert_eq!(decode::<4>("Zm9vYg=="), Some(*b"foob"));
        assert_eq!(decode::<4>("Zm9vYg"), Some(*b"foob"));
        for other in ["Zm9vYh==", "Zm9vY", "Zm9v", "Zm9vYmE=", "Zm9vY*==", ""] {
            assert_eq!(decode::<4>(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_is_read_again(bytes: [u8; 32], short: [u8; 8]) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            prop_assert_eq!(decode(&encode(&short)), Some(short));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            if let Some(bytes) = decode::<8>(&text) {
                let again = encode(&bytes);
                prop_assert_eq!(again.trim_end_matches('='), text.trim().trim_end_matches('='));
            }
        }
    }
}
