//! Searches in text. `std`'s look for a string in linear time whatever it is, and weigh 2 KB for it; here the texts are short.

/// What is before the first `mark`, and after it.
pub fn split_once<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let at = text.as_bytes().windows(mark.len()).position(|window| window == mark.as_bytes())?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

pub fn contains(text: &str, mark: &str) -> bool {
    split_once(text, mark).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_std_finds(text in "[aé>-]{0,12}", mark in "[aé>-]{1,3}") {
            prop_assert_eq!(split_once(&text, &mark), text.split_once(mark.as_str()));
            prop_assert_eq!(contains(&text, &mark), text.contains(mark.as_str()));
        }
    }
}
