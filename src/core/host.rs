//! Where storage is reached, as far as connections go: an origin has so many of its own, whichever URLs are asked of it.

use super::text::split_once;

/// An origin, by a number made of its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Host(u32);

impl Host {
    pub fn of(url: &str) -> Self {
        let (scheme, authority) = parts(url);
        // FNV-1a: a handful of names is told apart.
        let mix = |sum: u32, byte: u8| (sum ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
        Self(scheme.bytes().chain(*b"/").chain(authority.bytes()).fold(0x811c_9dc5, mix))
    }
}

/// The origin's name without its scheme, to be told.
pub fn name(url: &str) -> &str {
    parts(url).1
}

fn parts(url: &str) -> (&str, &str) {
    let (scheme, rest) = split_once(url, "://").unwrap_or(("", url));
    (scheme, rest.split(['/', '?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_one_origin_are_of_one_host() {
        let host = Host::of("https://a.example:9000/k?sig=1");
        assert_eq!(host, Host::of("HTTPS://A.example:9000/other"));
        for other in ["https://a.example/k", "http://a.example:9000/k", "https://b.example:9000/k", ""] {
            assert_ne!(host, Host::of(other), "{other}");
        }
        assert_eq!(name("https://a.example:9000/k?sig=1"), "a.example:9000");
    }
}
