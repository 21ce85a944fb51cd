//! The file's name that an answer tells: Content-Disposition (RFC 6266), with its extended form (RFC 8187).
//!
//! Whoever stored the object chose the name, so it is made harmless before anyone sees it: one segment, nothing invisible, and no
//! name that an operating system keeps for itself.

/// In bytes, as most file systems have it, with room for a browser's own " (1)".
const LONGEST: usize = 240;
/// Devices of Windows, whatever their extension.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
/// These are followed by a digit.
const NUMBERED: [&str; 2] = ["com", "lpt"];

/// The name in a header's value; `None` where there is none worth having.
pub fn filename(value: &str) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    for (name, value) in parameters(value) {
        if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| decoded(&value));
        } else if name.eq_ignore_ascii_case("filename") {
            plain = plain.or(Some(value));
        }
    }
    harmless(&extended.or(plain)?)
}

/// The name that a signed URL has storage say, in a header which a browser hides unless it is exposed.
pub fn in_url(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("response-content-disposition"))?;
    filename(&String::from_utf8(unescaped(&value.replace('+', " "))?).ok()?)
}

/// The last segment of a key, as a name.
pub fn of_key(key: &str) -> Option<String> {
    harmless(key)
}

/// What of a name can be given to any file system.
fn harmless(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |c: char| match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' => Some('_'),
        _ if c.is_control() || is_invisible(c) => None,
        _ => Some(c),
    };
    let name: String = last.chars().filter_map(kept).collect();
    // Windows drops dots and spaces at the end, and a dot in front hides a file.
    let name = name.trim_end_matches(['.', ' ']).trim_start_matches(['.', ' ']);
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let name = if is_reserved(stem) { format!("_{name}") } else { shortened(name) };
    (!name.is_empty()).then_some(name)
}

/// Marks that turn the direction of writing make `gpj.exe` look like `exe.jpg`.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}

fn is_reserved(stem: &str) -> bool {
    let is = |name: &&str| stem.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let rest = stem.get(3..).unwrap_or_default();
    RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name))
        || NUMBERED.iter().any(is) && matches!(rest.as_bytes(), [b'0'..=b'9'])
}

/// The end goes, and the extension stays.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() < 20 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut end = LONGEST - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", stem.get(..end).unwrap_or_default())
}

/// `name=value` or `name="quoted \" value"`, behind the type, each after a semicolon.
fn parameters(value: &str) -> Vec<(String, String)> {
    let (mut found, mut name, mut text) = (Vec::new(), None, String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in value.chars().chain([';']) {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => {
                let text = std::mem::take(&mut text);
                found.extend(name.take().map(|name| (name, text.trim().to_owned())));
            }
            '=' if !quoted && name.is_none() => name = Some(std::mem::take(&mut text).trim().to_owned()),
            _ => text.push(c),
        }
    }
    found
}

/// `UTF-8''na%C3%AFve`; the language between the quotes is of no interest.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, text) = (parts.next()?, parts.nth(1)?);
    let bytes = unescaped(text)?;
    if charset.eq_ignore_ascii_case("UTF-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case("ISO-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            byte => byte,
        });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_rfc_6266() {
        for (value, name) in [
            ("Attachment; filename=example.html", Some("example.html")),
            ("INLINE; FILENAME= \"an example.html\"", Some("an example.html")),
            ("attachment; filename*= UTF-8''%e2%82%ac%20rates", Some("€ rates")),
            ("attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", Some("€ rates")),
            ("attachment; filename*=utf-8'en'%e2%82%ac%20rates; filename=\"EURO rates\"", Some("€ rates")),
            ("attachment; filename*=iso-8859-1''na%EFve.txt", Some("naïve.txt")),
            ("attachment; filename=\"a \\\"b\\\"; c=d.txt\"", Some("a _b_; c=d.txt")),
            ("attachment", None),
            ("attachment; filename=", None),
        ] {
            assert_eq!(filename(value).as_deref(), name, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_leaves_the_plain_name() {
        for extended in ["UTF-8''%ff", "UTF-8''%e2%8", "UTF-8''%zz", "KOI8-R''a", "no quotes"] {
            let value = format!("attachment; filename*={extended}; filename=plain.txt");
            assert_eq!(filename(&value).as_deref(), Some("plain.txt"), "{value}");
        }
    }

    #[test]
    fn no_name_does_harm() {
        for (name, harmless) in [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\\\Windows\\\\System32\\\\evil.dll", Some("evil.dll")),
            ("%2e%2e%2f%2e%2e%2fa.txt", Some("%2e%2e%2f%2e%2e%2fa.txt")),
            ("..", None),
            ("", None),
            ("...hidden. ", Some("hidden")),
            ("con", Some("_con")),
            ("NUL.tar.gz", Some("_NUL.tar.gz")),
            ("com1.txt", Some("_com1.txt")),
            ("com10.txt", Some("com10.txt")),
            ("lpté.txt", Some("lpté.txt")),
            ("photo\u{202e}gpj.exe", Some("photogpj.exe")),
            ("a\u{0}b\u{1f}c\n.txt", Some("abc.txt")),
            ("what? <now>: \"a|b*\".txt", Some("what_ _now__ _a_b__.txt")),
            ("日本語.pdf", Some("日本語.pdf")),
        ] {
            assert_eq!(super::harmless(name).as_deref(), harmless, "{name:?}");
        }
        assert_eq!(filename("attachment; filename*=UTF-8''..%2F..%2Fa.txt").as_deref(), Some("a.txt"));
        let signed = "https://s.example/k?a=b&response-content-disposition=attachment%3B+filename%2A%3DUTF-8%27%27%25e2%2582%25ac.txt&c=d";
        assert_eq!(in_url(signed).as_deref(), Some("€.txt"));
        assert_eq!(in_url("https://s.example/k?response-content-disposition=%zz"), None);
        assert_eq!(of_key("uploads/me/a b.pdf").as_deref(), Some("a b.pdf"));
        assert_eq!(of_key("uploads/me/"), None);
    }

    proptest! {
        #[test]
        fn a_name_is_one_short_segment(value in "(attachment; )?(filename(\\*)?=)?(UTF-8'')?\\PC{0,300}") {
            for name in [filename(&value), of_key(&value)].into_iter().flatten() {
                prop_assert!(!name.is_empty() && name.len() <= LONGEST + 1);
                prop_assert!(!name.contains(['/', '\\']) && !name.starts_with('.') && !name.chars().any(char::is_control));
            }
        }
    }
}
