//! Whether storage has what was sent, and by which name it is to be told so: an ETag, Azure's block, the place of Google's
//! chunk.

use super::{
    answer::CORS_RULE,
    error::{Code, Error, Failure},
    http::{ContentRange, Response},
    protocol::Signed,
};

/// Whether storage has all of this chunk now: a 308 is no redirect here, but says how far the upload has come.
pub fn keeps_chunk(response: &Response, chunk: &str) -> bool {
    let Some(ContentRange::Bytes { end, .. }) = ContentRange::parse(chunk) else { return true };
    let last = response.headers.get("range").and_then(|range| range.strip_prefix("bytes=0-")?.parse::<u64>().ok());
    last.is_some_and(|last| last >= end - 1)
}

/// It has not, or does not let the page read what it has. What it has already, it will pass over.
pub fn chunk_cut_off(response: &Response) -> Failure {
    let message =
        "Storage does not say that it has the whole chunk. Where that stays so, its CORS rule does not expose `Range`.";
    Failure::retry(Error::new(Code::Storage, message).with_status(response.status))
}

/// The ETag of a stored part: S3 needs it back to complete the upload. Azure's blocks have none, but a name in their URL; Google's
/// chunks have their place.
pub fn part_etag(response: &Response, signed: Option<&Signed>) -> Result<String, Failure> {
    let etag = response.headers.get("etag").filter(|etag| !etag.is_empty());
    etag.or_else(|| block_id(&signed?.url)).or_else(|| signed?.chunk()).map(str::to_owned).ok_or_else(|| {
        let message = format!("Storage took the part but its ETag can't be read: the bucket's CORS rule does not expose it. A rule that works: {CORS_RULE}");
        Failure::fatal(Error::new(Code::Cors, message).with_status(response.status))
    })
}

/// The name of the block that this URL is for, as the URL has it.
fn block_id(url: &str) -> Option<&str> {
    let pairs = || url.split_once('?').map(|(_, query)| query).unwrap_or_default().split('&');
    pairs().find(|pair| *pair == "comp=block")?;
    pairs().find_map(|pair| pair.strip_prefix("blockid=")).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{http::Headers, protocol::Method};

    #[test]
    fn a_part_is_known_by_its_etag_or_its_block() {
        let named = |headers: &[(&str, &str)], url: &str| {
            let headers = Headers::new(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let signed = Signed { url: url.to_owned(), method: Method::Put, headers: Vec::new(), fields: Vec::new() };
            part_etag(&Response { status: 201, headers, body: String::new() }, Some(&signed))
        };
        let block = "https://a.example/c/k?sig=s&comp=block&blockid=QUI%3D";
        assert_eq!(named(&[], block).unwrap(), "QUI%3D");
        assert_eq!(named(&[("etag", "e")], block).unwrap(), "e");
        for other in [
            "https://a.example/c/k?partNumber=1",
            "https://a.example/c/k?comp=blocklist&blockid=A",
            "https://a.example/k?comp=block&blockid=",
        ] {
            assert_eq!(named(&[], other).unwrap_err().error.code, Code::Cors, "{other}");
        }
    }

    #[test]
    fn a_chunk_is_kept_where_storage_has_come_so_far() {
        let kept = |range: Option<&str>, chunk| {
            let headers = Headers::new(range.map(|range| ("Range".to_owned(), range.to_owned())));
            keeps_chunk(&Response { status: 308, headers, body: String::new() }, chunk)
        };
        assert!(kept(Some("bytes=0-524287"), "bytes 262144-524287/1000000"));
        assert!(kept(Some("bytes=0-786431"), "bytes 262144-524287/1000000"), "it was sent again");
        for less in [Some("bytes=0-262143"), Some("bytes=0-524286"), Some("bytes=0-x"), Some(""), None] {
            assert!(!kept(less, "bytes 262144-524287/1000000"), "{less:?}");
        }
        assert!(kept(None, "bytes */0"), "of nothing, all is there");
    }
}
