//! ETags of objects that were uploaded in parts.

use md5::{Digest, Md5};

/// What S3 makes of the ETags of an unencrypted upload's parts: the MD5 of their MD5s, and how many they are. `None` where
/// they are no MD5s (KMS, SSE-C, other stores), which proves nothing.
pub fn composite(parts: &[(u32, String)]) -> Option<String> {
    let mut digest = Md5::new();
    for (_, etag) in parts {
        digest.update(hex(bare(etag))?);
    }
    let sum: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{sum}-{}", parts.len()))
}

/// Without its quotes and its mark of weakness.
pub fn bare(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// True where the ETag is that of an object in so many parts.
pub fn has_parts(etag: &str, parts: usize) -> bool {
    bare(etag).rsplit_once('-').is_some_and(|(_, count)| count.parse() == Ok(parts))
}

fn hex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_etag_of_two_known_parts() {
        // The MD5s of "a" and of "b".
        let parts = [
            (1, "\"0cc175b9c0f1b6a831c399e269772661\"".to_owned()),
            (2, "92eb5ffee6ae2fec3ad71c777531578f".to_owned()),
        ];
        let whole = composite(&parts).unwrap();
        assert_eq!(whole, "96e024ba2074fe77e8e965ba43a704be-2");
        assert!(has_parts(&whole, 2) && !has_parts(&whole, 3));
        assert_eq!(composite(&[(1, "\"not-an-md5\"".to_owned())]), None);
        assert_eq!(composite(&[(1, "é".repeat(16))]), None);
    }
}
