//! Checksums as S3 has them: CRC-64/NVME of every object, and whatever the client declares besides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Sha1, Sha256};
use s3s::{S3Result, TrailingHeaders, dto, s3_error};
use serde::{Deserialize, Serialize};

use super::record::{ObjectSum, PartRecord};

/// An algorithm that a client may declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Declared {
    Crc32,
    Crc32c,
    Crc64nvme,
    Sha1,
    Sha256,
}

/// A part's or an object's checksum by a declared algorithm, in base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartSum {
    pub algorithm: Declared,
    pub value: String,
}

impl Declared {
    pub const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64nvme, Self::Sha1, Self::Sha256];

    pub fn parse(name: &str) -> S3Result<Self> {
        match name.to_ascii_uppercase().as_str() {
            "CRC32" => Ok(Self::Crc32),
            "CRC32C" => Ok(Self::Crc32c),
            "CRC64NVME" => Ok(Self::Crc64nvme),
            "SHA1" => Ok(Self::Sha1),
            "SHA256" => Ok(Self::Sha256),
            _ => Err(s3_error!(
                InvalidRequest,
                "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
            )),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn of(self, sums: &dto::Checksum) -> Option<&String> {
        match self {
            Self::Crc32 => sums.checksum_crc32.as_ref(),
            Self::Crc32c => sums.checksum_crc32c.as_ref(),
            Self::Crc64nvme => sums.checksum_crc64nvme.as_ref(),
            Self::Sha1 => sums.checksum_sha1.as_ref(),
            Self::Sha256 => sums.checksum_sha256.as_ref(),
        }
    }
}

/// Which checksum a request promises, with its value if that came in a header and not in a trailer.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    pub algorithm: Option<Declared>,
    value: Option<String>,
    trailer: Option<TrailingHeaders>,
    content_md5: Option<String>,
}

impl Promise {
    pub fn new(
        sums: &dto::Checksum,
        algorithm: Option<&str>,
        content_md5: Option<String>,
        trailer_names: Option<&str>,
        trailer: Option<TrailingHeaders>,
    ) -> S3Result<Self> {
        let in_header = Declared::ALL.into_iter().find(|one| one.of(sums).is_some());
        let in_trailer = trailer_names.and_then(|names| {
            Declared::ALL
                .into_iter()
                .find(|one| names.split(',').any(|name| name.trim().eq_ignore_ascii_case(one.header())))
        });
        let named = algorithm.map(Declared::parse).transpose()?;
        Ok(Self {
            algorithm: in_header.or(in_trailer).or(named),
            value: in_header.and_then(|one| one.of(sums).cloned()),
            trailer,
            content_md5,
        })
    }

    /// Compares what arrived with what was promised; the trailer is readable only now, after the body's end.
    pub fn verify(&self, digest: &Digest) -> S3Result<Option<PartSum>> {
        if let Some(promised) = &self.content_md5 {
            if STANDARD.decode(promised).map_or(true, |bytes| bytes.len() != 16) {
                return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified is not valid."));
            }
            if *promised != STANDARD.encode(digest.md5) {
                return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
            }
        }
        let Some(algorithm) = self.algorithm else {
            return Ok(None);
        };
        let Some(value) = digest.declared.clone() else {
            return Ok(None);
        };
        let promised = self.value.clone().or_else(|| {
            self.trailer
                .as_ref()
                .and_then(|trailer| trailer.read(|headers| headers.get(algorithm.header()).cloned()))
                .flatten()
                .and_then(|value| value.to_str().map(str::to_owned).ok())
        });
        if promised.is_some_and(|promised| promised != value) {
            return Err(s3_error!(
                BadDigest,
                "The {} you specified did not match the calculated checksum.",
                algorithm.name()
            ));
        }
        Ok(Some(PartSum { algorithm, value }))
    }
}

/// Everything computed in the one pass over a body.
pub struct Hasher {
    md5: Md5,
    crc64nvme: crc_fast::Digest,
    declared: Option<(Declared, ChecksumHasher)>,
}

#[derive(Debug)]
pub struct Digest {
    pub md5: [u8; 16],
    pub crc64nvme: u64,
    declared: Option<String>,
}

impl Digest {
    /// By the algorithm that was declared, in base64.
    pub fn declared(&self) -> Option<&str> {
        self.declared.as_deref()
    }
}

impl Hasher {
    pub fn new(algorithm: Option<Declared>) -> Self {
        let declared = algorithm.map(|algorithm| {
            let mut hasher = ChecksumHasher::default();
            match algorithm {
                Declared::Crc32 => hasher.crc32 = Some(Crc32::new()),
                Declared::Crc32c => hasher.crc32c = Some(Crc32c::new()),
                Declared::Sha1 => hasher.sha1 = Some(Sha1::new()),
                Declared::Sha256 => hasher.sha256 = Some(Sha256::new()),
                // Computed anyway, so not twice.
                Declared::Crc64nvme => {}
            }
            (algorithm, hasher)
        });
        Self { md5: Md5::new(), crc64nvme: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme), declared }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc64nvme.update(bytes);
        if let Some((_, hasher)) = &mut self.declared {
            hasher.update(bytes);
        }
    }

    pub fn finish(self) -> Digest {
        let crc64nvme = self.crc64nvme.finalize();
        Digest {
            md5: self.md5.finalize().into(),
            crc64nvme,
            declared: self.declared.and_then(|(algorithm, hasher)| match algorithm {
                Declared::Crc64nvme => Some(crc64_base64(crc64nvme)),
                other => other.of(&hasher.finalize()).cloned(),
            }),
        }
    }
}

pub fn crc64_base64(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// The ETag of an object in parts: the MD5 of the parts' MD5s, and how many there were.
pub fn multipart_etag(parts: &[PartRecord]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

/// CRC-64/NVME of the whole out of those of its parts.
pub fn combined_crc64(parts: &[PartRecord]) -> u64 {
    parts
        .iter()
        .map(|part| (part.crc64nvme, part.size))
        .reduce(|(left, length), (right, size)| {
            (crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, left, right, size), length + size)
        })
        .map_or(0, |(crc, _)| crc)
}

/// The object's checksum by the algorithm declared at Create: of the whole where S3 allows that and it was asked for, else a checksum of checksums.
pub fn declared_sum(parts: &[PartRecord], algorithm: Declared, full_object: bool) -> Option<ObjectSum> {
    let sums = parts
        .iter()
        .map(|part| {
            let sum = part.declared.as_ref().filter(|sum| sum.algorithm == algorithm)?;
            STANDARD.decode(&sum.value).ok()
        })
        .collect::<Option<Vec<_>>>()?;
    let crc = |kind: CrcAlgorithm| {
        let mut total: Option<u64> = None;
        for (sum, part) in sums.iter().zip(parts) {
            let value = u64::from(u32::from_be_bytes(sum.as_slice().try_into().ok()?));
            total = Some(match total {
                Some(left) => crc_fast::checksum_combine(kind, left, value, part.size),
                None => value,
            });
        }
        Some(STANDARD.encode(u32::try_from(total?).ok()?.to_be_bytes()))
    };
    let value = match (algorithm, full_object) {
        (Declared::Crc64nvme, _) => crc64_base64(combined_crc64(parts)),
        (Declared::Crc32, true) => crc(CrcAlgorithm::Crc32IsoHdlc)?,
        (Declared::Crc32c, true) => crc(CrcAlgorithm::Crc32Iscsi)?,
        (other, _) => {
            let mut hasher = Hasher::new(Some(other));
            sums.iter().for_each(|sum| hasher.update(sum));
            format!("{}-{}", hasher.finish().declared?, parts.len())
        }
    };
    Some(ObjectSum { algorithm, full_object: !value.contains('-'), value })
}

/// The dto's five fields out of one value.
pub fn fields(algorithm: Declared, value: String, full_object: bool) -> dto::Checksum {
    let mut sums = dto::Checksum {
        checksum_type: Some(dto::ChecksumType::from_static(if full_object {
            dto::ChecksumType::FULL_OBJECT
        } else {
            dto::ChecksumType::COMPOSITE
        })),
        ..Default::default()
    };
    match algorithm {
        Declared::Crc32 => sums.checksum_crc32 = Some(value),
        Declared::Crc32c => sums.checksum_crc32c = Some(value),
        Declared::Crc64nvme => sums.checksum_crc64nvme = Some(value),
        Declared::Sha1 => sums.checksum_sha1 = Some(value),
        Declared::Sha256 => sums.checksum_sha256 = Some(value),
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Moment;

    fn part(number: i32, bytes: &[u8], algorithm: Option<Declared>) -> PartRecord {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        let digest = hasher.finish();
        PartRecord {
            number,
            file: String::new(),
            size: bytes.len() as u64,
            etag: hex::encode(digest.md5),
            modified: Moment::now(),
            crc64nvme: digest.crc64nvme,
            declared: algorithm.zip(digest.declared).map(|(algorithm, value)| PartSum { algorithm, value }),
        }
    }

    #[test]
    fn crc64_of_the_check_string_is_the_published_one() {
        // The catalogue's check value of CRC-64/NVME for "123456789".
        assert_eq!(part(1, b"123456789", None).crc64nvme, 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn parts_combine_to_the_sum_of_the_whole() {
        let parts = [part(1, b"1234", None), part(2, b"", None), part(3, b"56789", None)];
        assert_eq!(combined_crc64(&parts), 0xae8b_1486_0a79_9888);
        assert_eq!(combined_crc64(&[]), 0);
    }

    #[test]
    fn full_object_crc32_combines_and_composite_is_numbered() {
        let parts = [part(1, b"1234", Some(Declared::Crc32)), part(2, b"56789", Some(Declared::Crc32))];
        let whole = declared_sum(&parts, Declared::Crc32, true).unwrap();
        assert_eq!(whole.value, STANDARD.encode(0xcbf4_3926_u32.to_be_bytes()));
        assert!(whole.full_object);
        let composite = declared_sum(&parts, Declared::Crc32, false).unwrap();
        assert!(composite.value.ends_with("-2") && !composite.full_object);
    }

    #[test]
    fn multipart_etag_is_the_md5_of_md5s() {
        // md5(md5("a") || md5("b")), computed with Python's hashlib.
        let parts = [part(1, b"a", None), part(2, b"b", None)];
        assert_eq!(multipart_etag(&parts), "96e024ba2074fe77e8e965ba43a704be-2");
    }

    #[test]
    fn a_wrong_content_md5_is_refused() {
        let mut hasher = Hasher::new(None);
        hasher.update(b"abc");
        let promise = Promise { content_md5: Some(STANDARD.encode([0; 16])), ..Promise::default() };
        assert_eq!(promise.verify(&hasher.finish()).unwrap_err().code(), &s3s::S3ErrorCode::BadDigest);
    }
}
