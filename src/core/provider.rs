//! S3's kin, as far as they differ in what is asked of them. One table; what it does not say is as with any other store.
//!
//! A store is known by the host of a signed URL, or because the application names it: its own domain, or a proxy before it, tells
//! nothing. What a store is like beyond this is of use to people only, and stands in `src/face/doctor/providers.js`, with sources.

use super::{text::split_once, time::Millis};

#[derive(PartialEq, Debug)]
pub struct Provider {
    pub name: &'static str,
    /// Its host, and all below them.
    hosts: &'static [&'static str],
    /// Takes presigned POST forms.
    pub forms: bool,
    /// Speaks HTTP/2, of which a browser tells nothing where storage does not send `Timing-Allow-Origin`.
    pub multiplexed: bool,
    /// After this, it drops an upload that nobody has finished; set where that is sooner than we forget it ourselves.
    pub life: Option<Millis>,
}

const USUAL: Provider = Provider { name: "", hosts: &[], forms: true, multiplexed: false, life: None };
const DAY: Millis = 24 * 3_600_000;

static ALL: [Provider; 10] = [
    Provider { name: "aws", hosts: &["amazonaws.com", "amazonaws.com.cn"], ..USUAL },
    Provider { name: "r2", hosts: &["r2.cloudflarestorage.com"], forms: false, ..USUAL },
    Provider { name: "minio", life: Some(DAY), ..USUAL },
    Provider { name: "b2", hosts: &["backblazeb2.com"], forms: false, ..USUAL },
    Provider { name: "gcs", hosts: &["storage.googleapis.com"], multiplexed: true, ..USUAL },
    Provider { name: "ceph", ..USUAL },
    Provider { name: "garage", ..USUAL },
    Provider { name: "digitalocean", hosts: &["digitaloceanspaces.com"], multiplexed: true, ..USUAL },
    Provider { name: "wasabi", hosts: &["wasabisys.com"], ..USUAL },
    Provider { name: "tigris", hosts: &["t3.storage.dev", "fly.storage.tigris.dev"], multiplexed: true, ..USUAL },
];

impl Provider {
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|provider| provider.name == name)
    }

    /// Whose store this URL is of, path style or with the bucket in its host.
    pub fn of(url: &str) -> Option<&'static Self> {
        let (_, rest) = split_once(url, "://")?;
        let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?.split(':').next()?;
        ALL.iter().find(|provider| provider.hosts.iter().any(|suffix| is_below(host, suffix)))
    }
}

fn is_below(host: &str, suffix: &str) -> bool {
    let Some(start) = host.len().checked_sub(suffix.len()) else { return false };
    let at_dot = start == 0 || host.as_bytes().get(start - 1) == Some(&b'.');
    at_dot && host.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_PEOPLE: &str = include_str!("../face/doctor/providers.js");

    #[test]
    fn a_store_is_known_by_its_host() {
        for (url, name) in [
            ("https://bucket.s3.eu-central-1.amazonaws.com/a?X-Amz-Signature=b", "aws"),
            ("https://s3.us-west-2.amazonaws.com/bucket/a", "aws"),
            ("https://bucket.s3-accelerate.amazonaws.com/a", "aws"),
            ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a", "aws"),
            ("https://0123.r2.cloudflarestorage.com/bucket/a", "r2"),
            ("https://bucket.0123.eu.r2.cloudflarestorage.com/a", "r2"),
            ("https://s3.us-west-004.backblazeb2.com/bucket/a", "b2"),
            ("https://storage.googleapis.com/bucket/a", "gcs"),
            ("https://bucket.storage.googleapis.com:443/a", "gcs"),
            ("https://bucket.nyc3.digitaloceanspaces.com/a", "digitalocean"),
            ("https://s3.eu-central-1.wasabisys.com/bucket/a", "wasabi"),
            ("https://BUCKET.T3.STORAGE.DEV/a", "tigris"),
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
        assert_eq!(rows.len(), ALL.len());
        for (row, provider) in rows.iter().zip(&ALL) {
            let hosts: Vec<String> = provider.hosts.iter().map(|host| format!("\"{host}\"")).collect();
            let life = provider.life.map_or(String::new(), |life| format!("life: {}, ", life / DAY));
            for said in [
                format!("name: \"{}\",", provider.name),
                format!("hosts: [{}],", hosts.join(", ")),
                format!("forms: {},", provider.forms),
                format!("http: \"{}\",", if provider.multiplexed { "2" } else { "1.1" }),
                life,
            ] {
                assert!(row.contains(&said), "{said} is not in {row}");
            }
        }
    }
}
