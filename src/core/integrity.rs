//! Whether storage has what was sent, or the page has what is stored: our own checksum of every byte, against storage's.

use super::{
    checksum::{Algorithm, Checksum},
    error::{Code, Error},
    http::Headers,
};

/// The checksums of an object that storage tells.
pub type Told = Vec<Checksum>;

/// What a transfer's result says of it. A mismatch is never a result: it is an error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Integrity {
    Verified(Checksum),
    /// Why there was nothing to compare, in words.
    Unverified(String),
}

/// Our own checksum against what storage tells; `None` where it tells none of this kind.
pub fn compare(own: Checksum, told: &[Checksum]) -> Option<Result<Integrity, Error>> {
    let theirs = like(own, told)?;
    Some(if own == theirs { Ok(Integrity::Verified(own)) } else { Err(mismatch(own, theirs)) })
}

/// The one that ours can be compared with: one of parts' checksums is of no use beside one of the bytes.
pub fn like(own: Checksum, told: &[Checksum]) -> Option<Checksum> {
    told.iter().copied().find(|sum| sum.is_like(own))
}

pub fn of(algorithm: Algorithm, told: &[Checksum]) -> Option<Checksum> {
    told.iter().copied().find(|sum| sum.algorithm == algorithm)
}

fn mismatch(own: Checksum, theirs: Checksum) -> Error {
    let (name, own, theirs) = (own.algorithm.name(), own.text(), theirs.text());
    let message = format!("The bytes here and the bytes at storage differ: {name} is {own} here and {theirs} there.");
    Error::new(Code::ChecksumMismatch, message)
}

/// From members of a backend's answer, by `member`: `checksum_crc64nvme`, `checksum_crc32c`, `checksum_sha256`.
pub fn in_answer<'a>(member: impl Fn(&str) -> Option<&'a str>) -> Told {
    let read = |algorithm: Algorithm| {
        let name = match algorithm {
            Algorithm::Crc64Nvme => "checksum_crc64nvme",
            Algorithm::Crc32c => "checksum_crc32c",
            Algorithm::Sha256 => "checksum_sha256",
            // Of ETags, only some are MD5s.
            Algorithm::Md5 => return None,
        };
        Checksum::parse(algorithm, member(name)?)
    };
    Algorithm::ALL.into_iter().filter_map(read).collect()
}

/// From storage's headers: `x-amz-checksum-…` (a composite CRC, with a dash in it, is not read) and `x-goog-hash`.
pub fn in_headers(headers: &Headers) -> Told {
    let goog = headers.get("x-goog-hash").unwrap_or_default();
    let goog = goog.split(',').find_map(|pair| pair.trim().strip_prefix("crc32c="));
    in_answer(|name| match name {
        "checksum_crc64nvme" => headers.get("x-amz-checksum-crc64nvme"),
        "checksum_sha256" => headers.get("x-amz-checksum-sha256"),
        _ => headers.get("x-amz-checksum-crc32c").or(goog),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_s3_and_of_google() {
        let headers = |list: &[(&str, &str)]| {
            Headers::new(list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        };
        let check = Checksum::of_crc(Algorithm::Crc32c, 0xe306_9283);
        let goog = in_headers(&headers(&[("x-goog-hash", "crc32c=4waSgw==,md5=AAAA")]));
        assert_eq!(goog, [check]);
        let both = in_headers(&headers(&[
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
            ("x-amz-checksum-crc32c", "4waSgw==-2"),
        ]));
        assert_eq!(both, [Checksum::of_crc(Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888)]);
    }

    #[test]
    fn only_the_same_kind_is_compared() {
        let own = Checksum::of_crc(Algorithm::Crc64Nvme, 7);
        assert!(compare(own, &[Checksum::of_crc(Algorithm::Crc32c, 7)]).is_none());
        assert_eq!(compare(own, &[own]), Some(Ok(Integrity::Verified(own))));
        let other = compare(own, &[Checksum::of_crc(Algorithm::Crc64Nvme, 8)]).unwrap().unwrap_err();
        assert_eq!(other.code, Code::ChecksumMismatch);
        // Of the whole, and of its parts' checksums.
        let part = Checksum::new(Algorithm::Sha256, &[7; 32]);
        let whole = Checksum::of_parts(Algorithm::Sha256, [Some(part), Some(part)].into_iter()).unwrap();
        assert!(compare(whole, &[part]).is_none());
        assert_eq!(compare(whole, &[part, whole]), Some(Ok(Integrity::Verified(whole))));
    }
}
