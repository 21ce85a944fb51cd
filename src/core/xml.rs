//! S3's small XML answers: the root's name and its children's text. Anything deeper, or not XML, is passed over.
//!
//! A whole XML parser would cost more than the SDK's own engine, and DOMParser is missing in workers.

use super::text;

/// What a store's XML says at its first level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flat {
    pub root: String,
    children: Vec<(String, String)>,
}

/// More than any answer that is read here.
const LONGEST: usize = 64 * 1024;

impl Flat {
    /// `None` where the text is not an XML document with elements.
    pub fn parse(xml: &str) -> Option<Self> {
        let mut rest = xml.trim_start_matches('\u{feff}').trim_start();
        let (mut path, mut children, mut value) = (Vec::<&str>::new(), Vec::new(), String::new());
        let mut root = None;
        if xml.len() > LONGEST || !rest.starts_with('<') {
            return None;
        }
        while let Some(open) = rest.find('<') {
            let (before, tag) = rest.split_at_checked(open)?;
            if path.len() == 2 {
                value.push_str(&unescape(before));
            }
            if let Some(cdata) = tag.strip_prefix("<![CDATA[") {
                let (inner, after) = text::split_once(cdata, "]]>")?;
                if path.len() == 2 {
                    value.push_str(inner);
                }
                rest = after;
            } else if let Some(comment) = tag.strip_prefix("<!--") {
                rest = text::split_once(comment, "-->")?.1;
            } else {
                let (inside, after) = tag.get(1..)?.split_once('>')?;
                rest = after;
                if inside.starts_with(['?', '!']) {
                    continue;
                }
                if let Some(name) = inside.strip_prefix('/') {
                    if path.pop()? != name.trim_end() {
                        return None;
                    }
                    match path.len() {
                        0 => {
                            return Some(Self { root: root?, children });
                        }
                        1 => children.push((local(name.trim_end()).to_owned(), std::mem::take(&mut value))),
                        _ => {}
                    }
                } else {
                    let name = inside.trim_end_matches('/').split_ascii_whitespace().next()?;
                    root.get_or_insert_with(|| local(name).to_owned());
                    if !inside.ends_with('/') {
                        path.push(name);
                    } else if path.is_empty() {
                        return Some(Self { root: root?, children });
                    } else if path.len() == 1 {
                        children.push((local(name).to_owned(), String::new()));
                    }
                }
            }
        }
        None
    }

    /// The text of the first child of that name.
    pub fn child(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|(child, _)| child == name).map(|(_, value)| value.as_str())
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after.split_once(';').and_then(|(name, tail)| Some((entity(name)?, tail)));
        match entity {
            Some((character, tail)) => {
                out.push(character);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_error_of_the_s3_user_guide() {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>NoSuchKey</Code>\n  <Message>The resource you requested does not exist</Message>\n  <Resource>/mybucket/myfoto.jpg</Resource>\n  <RequestId>4442587FB7D0A2F9</RequestId>\n</Error>";
        let flat = Flat::parse(xml).unwrap();
        assert_eq!(flat.root, "Error");
        assert_eq!(flat.child("Code"), Some("NoSuchKey"));
        assert_eq!(flat.child("Resource"), Some("/mybucket/myfoto.jpg"));
        assert_eq!(flat.child("Absent"), None);
    }

    #[test]
    fn reads_white_space_before_a_late_completion_and_a_name_space() {
        let xml = "   \n\n<s3:CompleteMultipartUploadResult xmlns:s3=\"x\"><s3:ETag>&quot;a-2&quot;</s3:ETag></s3:CompleteMultipartUploadResult>";
        let flat = Flat::parse(xml).unwrap();
        assert_eq!((flat.root.as_str(), flat.child("ETag")), ("CompleteMultipartUploadResult", Some("\"a-2\"")));
    }

    #[test]
    fn a_nested_code_is_not_the_code() {
        let flat =
            Flat::parse("<Error><Details><Code>Inner</Code></Details><Code>Outer</Code><Empty/></Error>").unwrap();
        assert_eq!((flat.child("Code"), flat.child("Empty")), (Some("Outer"), Some("")));
    }

    #[test]
    fn cut_or_foreign_text_is_no_document() {
        for text in ["", "{}", "<Error><Code>Slow", "<a></b>", "plain", "<", "</a>", "<a"] {
            assert_eq!(Flat::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_a_real_parser_reads_we_read(code in "[A-Za-z]{1,20}", message in "[ -~äß€]{0,60}") {
            let xml = format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", quick_xml::escape::escape(message.as_str()));
            let flat = Flat::parse(&xml).unwrap();
            prop_assert_eq!(flat.child("Code"), Some(code.as_str()));
            prop_assert_eq!(flat.child("Message"), Some(message.as_str()));
        }

        #[test]
        fn no_text_panics(text in "[<>/&;#x!\\[\\]CDAT?a-z \"-]{0,80}") {
            let _ = Flat::parse(&text);
        }
    }
}
