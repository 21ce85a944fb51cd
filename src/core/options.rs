//! What an application may set, checked before anything is sent.

use super::{
    checksum::Algorithm,
    error::{Code, Error},
    limit,
    provider::Provider,
    retry::Policy,
    time::Millis,
};

const USUAL_STALL_TIMEOUT: Millis = 30_000;

/// The settings of a client that concern decisions.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// Requests to storage in flight at once, over all transfers, where the application fixed it.
    pub concurrency: Option<usize>,
    /// Bytes per part or range, where the application set it.
    pub part_size: Option<u64>,
    pub retry: Policy,
    pub stall_timeout: Millis,
    /// What every byte is hashed with.
    pub checksum: Option<Algorithm>,
    /// Whose store it is, where the application says it.
    pub provider: Option<&'static Provider>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: None,
            part_size: None,
            retry: Policy::default(),
            stall_timeout: USUAL_STALL_TIMEOUT,
            checksum: Some(Algorithm::Crc64Nvme),
            provider: None,
        }
    }
}

impl Settings {
    /// So many requests at once one may count on, when URLs are signed ahead and work is split.
    pub fn ways(&self) -> usize {
        self.concurrency.unwrap_or(limit::FIRST)
    }

    /// What downloads are hashed with: ranges come in any order, so only CRCs of them can be put together.
    pub fn checksum_down(&self) -> Option<Algorithm> {
        self.checksum.map(|wanted| if wanted.is_crc() { wanted } else { Algorithm::Crc64Nvme })
    }
}

/// What an application accepts, checked before a byte is sent.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Accept {
    pub max_size: Option<u64>,
    /// As in `<input accept>`: `image/*`, `application/pdf`, `.csv`. Empty: any.
    pub types: Vec<String>,
}

impl Accept {
    pub fn check(&self, name: &str, content_type: &str, size: u64) -> Result<(), Error> {
        if let Some(most) = self.max_size.filter(|most| size > *most) {
            return Err(Error::new(Code::TooLarge, format!("The file has {size} bytes; {most} are allowed.")));
        }
        if !self.types.is_empty() && !self.types.iter().any(|rule| fits(rule.trim(), name, content_type)) {
            let message =
                format!("The file's type, {content_type}, is not among those allowed: {}.", self.types.join(", "));
            return Err(Error::new(Code::WrongType, message));
        }
        Ok(())
    }
}

fn fits(rule: &str, name: &str, content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if rule.starts_with('.') {
        return name.get(name.len().saturating_sub(rule.len())..).is_some_and(|end| end.eq_ignore_ascii_case(rule));
    }
    match rule.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => essence.split_once('/').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(family)),
        None => essence.eq_ignore_ascii_case(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_matched_as_a_file_input_does() {
        for (rule, name, content_type, ok) in [
            ("image/*", "a.png", "image/png", true),
            ("image/*", "a.png", "imagex/png", false),
            ("application/pdf", "a", "application/pdf; x=1", true),
            (".CSV", "a.csv", "", true),
            (".csv", "csv", "", false),
            ("*/*", "a", "a/b", true),
            ("text/plain", "a.html", "text/html", false),
        ] {
            let accept = Accept { max_size: None, types: vec![rule.into()] };
            assert_eq!(accept.check(name, content_type, 1).is_ok(), ok, "{rule} {name} {content_type}");
        }
    }

    #[test]
    fn sizes_up_to_the_limit_pass() {
        let accept = Accept { max_size: Some(10), types: Vec::new() };
        assert!(accept.check("a", "", 10).is_ok());
        assert_eq!(accept.check("a", "", 11).unwrap_err().code, Code::TooLarge);
    }
}
