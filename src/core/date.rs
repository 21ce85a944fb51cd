//! The three ways in which servers write a moment, as seconds since 1970: of a signature (`20260131T120000Z`), of HTTP
//! (RFC 9110 §5.6.7, the one form that servers may send), and of S3's XML (`2026-01-31T12:00:00Z`).

use super::text::split_once;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `20260131T120000Z`, as in `X-Amz-Date` and `X-Goog-Date`.
pub fn basic(text: &str) -> Option<u64> {
    let text = text.trim().strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    if date.len() != 8 || time.len() != 6 {
        return None;
    }
    moment(
        number(date.get(0..4)?)?,
        number(date.get(4..6)?)?,
        number(date.get(6..8)?)?,
        number(time.get(0..2)?)?,
        number(time.get(2..4)?)?,
        number(time.get(4..6)?)?,
    )
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn http(text: &str) -> Option<u64> {
    let (_, rest) = split_once(text.trim(), ", ")?;
    let mut words = rest.split(' ');
    let day = number(words.next()?)?;
    let name = words.next()?;
    let month = (1..).zip(MONTHS).find(|(_, own)| *own == name).map(|(month, _)| month)?;
    let year = number(words.next()?)?;
    let mut time = words.next()?.split(':').map(number);
    let at = moment(year, month, day, time.next()??, time.next()??, time.next()??)?;
    (words.next() == Some("GMT")).then_some(at)
}

/// `2026-01-31T12:00:00Z`, fractions of a second ignored.
pub fn extended(text: &str) -> Option<u64> {
    let (date, time) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(number);
    let mut time = time.split('.').next()?.split(':').map(number);
    moment(date.next()??, date.next()??, date.next()??, time.next()??, time.next()??, time.next()??)
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Days by Howard Hinnant's `days_from_civil`.
fn moment(year: u64, month: u64, day: u64, hour: u64, minute: u64, second: u64) -> Option<u64> {
    let sound = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_moment_in_three_ways() {
        assert_eq!(http("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(basic("19941106T084937Z"), Some(784_111_777));
        assert_eq!(extended("1994-11-06T08:49:37.123Z"), Some(784_111_777));
        assert_eq!(basic("20240229T000000Z"), Some(1_709_164_800));
        assert_eq!(basic("19700101T000000Z"), Some(0));
    }

    proptest! {
        #[test]
        fn nonsense_is_no_date(text in "[0-9TZ:. -]{0,24}") {
            let _ = (basic(&text), http(&text), extended(&text));
        }
    }
}
