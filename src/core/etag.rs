//! ETags of objects that were uploaded in parts.

use super::checksum::{Algorithm, Checksum};

/// What S3 makes of the ETags of an unencrypted upload's parts: the MD5 of their MD5s, and how many they are. `None` where
/// they are no MD5s (KMS, SSE-C, other stores), which proves nothing.
pub fn composite(parts: &[(u32, String)]) -> Option<String> {
    Checksum::of_parts(Algorithm::Md5, parts.iter().map(|(_, etag)| md5(etag))).map(Checksum::text)
}

/// The MD5 that an ETag is; of an object in parts, that of its parts' MD5s.
pub fn md5(etag: &str) -> Option<Checksum> {
    Checksum::parse(Algorithm::Md5, bare(etag))
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
