//! S3's kin, as far as they differ in what is asked of them. One table; what it does not say is as with any other store.
//!
//! A store is known by the host of a signed URL, or because the application names it: its own domain, or a proxy before it, tells
//! nothing. What a store is like beyond this is of use to people only, and stands in `src/face/doctor/providers.js`, with sources.

use super::text::split_once;

#[derive(PartialEq, Debug)]
pub struct Provider {
    pub name: &'static str,
    /// Its host, and all below it; empty where it has none of its own, or nothing would follow from it.
    host: &'static str,
    /// Takes presigned POST forms.
    pub forms: bool,
    /// Speaks HTTP/2, of which a browser tells nothing where storage does not send `Timing-Allow-Origin`.
    pub multiplexed: bool,
    /// It drops an upload that nobody has finished after a day; the others keep it for as long as we remember it.
    pub forgets: bool,
}

const USUAL: Provider = Provider { name: "", host: "", forms: true, multiplexed: false, forgets: false };

static ALL: [Provider; 11] = [
    Provider { name: "aws", ..USUAL },
    Provider { name: "r2", host: "r2.cloudflarestorage.com", forms: false, ..USUAL },
    Provider { name: "minio", forgets: true, ..USUAL },
    Provider { name: "b2", host: "backblazeb2.com", forms: false, ..USUAL },
    Provider { name: "gcs", host: "storage.googleapis.com", multiplexed: true, ..USUAL },
    Provider { name: "ceph", ..USUAL },
    Provider { name: "garage", ..USUAL },
    Provider { name: "digitalocean", host: "digitaloceanspaces.com", multiplexed: true, ..USUAL },
    Provider { name: "wasabi", ..USUAL },
    Provider { name: "tigris", host: "t3.storage.dev", multiplexed: true, ..USUAL },
    Provider { name: "tigris", host: "tigris.dev", multiplexed: true, ..USUAL },
];

impl Provider {
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|provider| provider.name == name)
    }

    /// Whose store this URL is of, path style or with the bucket in its host. (No browser sends a URL with a password before it.)
    pub fn of(url: &str) -> Option<&'static Self> {
        let (_, rest) = split_once(url, "://")?;
        let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b':'));
        let host = rest.get(..end.unwrap_or(rest.len()))?;
        ALL.iter().find(|provider| {
            let above = host.strip_suffix(provider.host).filter(|_| !provider.host.is_empty());
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_PEOPLE: &str = include_str!("../face/doctor/providers.js");

    #[test]
    fn a_store_is_known_by_its_host() {
        for (url, name) in [
            ("https://0123.r2.cloudflarestorage.com/bucket/a", "r2"),
            ("https://bucket.0123.eu.r2.cloudflarestorage.com/a?X-Amz-Signature=b", "r2"),
            ("https://s3.us-west-004.backblazeb2.com/bucket/a", "b2"),
            ("https://storage.googleapis.com/bucket/a", "gcs"),
            ("https://bucket.storage.googleapis.com:443/a", "gcs"),
            ("https://storage.googleapis.com", "gcs"),
            ("https://bucket.nyc3.digitaloceanspaces.com/a", "digitalocean"),
            ("https://bucket.t3.storage.dev/a", "tigris"),
            ("https://fly.storage.tigris.dev/bucket/a", "tigris"),
        ] {
            assert_eq!(Provider::of(url).map(|provider| provider.name), Some(name), "{url}");
        }
    }

    #[test]
    fn whoever_has_another_name_is_unknown() {
        for url in [
            "https://files.example.com/a",
            "https://pub-0123.r2.dev/a",
            "http://127.0.0.1:9000/presigned/a",
            "https://files.example.com/r2.cloudflarestorage.com/a",
            "https://evilr2.cloudflarestorage.com.example/a",
            "https://notwasabisys.com/a",
            "https://example.com/?x=https://storage.googleapis.com/",
            "https://üstorage.googleapis.com/",
            "https://bucket.s3.eu-central-1.amazonaws.com/a",
            "https://s3.eu-central-1.wasabisys.com/bucket/a",
            "no URL",
            "",
        ] {
            assert_eq!(Provider::of(url), None, "{url}");
        }
    }

    /// The table for people has the same stores, and says the same of them.
    #[test]
    fn both_tables_agree() {
        let rows: Vec<&str> = FOR_PEOPLE.lines().filter(|line| line.contains("{ name: \"")).collect();
        let named = |provider: &Provider| format!("name: \"{}\",", provider.name);
        for row in &rows {
            assert!(ALL.iter().any(|provider| row.contains(&named(provider))), "{row}");
        }
        for provider in &ALL {
            let row = rows.iter().find(|row| row.contains(&named(provider))).unwrap();
            for said in [
                provider.host.to_owned(),
                format!("forms: {},", provider.forms),
                format!("http: \"{}\",", if provider.multiplexed { "2" } else { "1.1" }),
            ] {
                assert!(row.contains(&said), "{said} is not in {row}");
            }
            assert_eq!(row.contains("life: 1,"), provider.forgets, "{row}");
        }
    }
}
