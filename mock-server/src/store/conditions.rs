//! `If-Match` and its relatives, in the order RFC 9110 gives them.

use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::record::ObjectRecord;

#[derive(Debug, Default)]
pub struct Conditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    pub fn check_read(&self, object: &ObjectRecord) -> S3Result<()> {
        let modified = object.modified.timestamp();
        match &self.if_match {
            Some(condition) if !matches(condition, object) => return Err(failed("If-Match")),
            // If-Unmodified-Since counts only where If-Match does not decide.
            Some(_) => {}
            None => {
                if self.if_unmodified_since.as_ref().is_some_and(|since| modified > *since) {
                    return Err(failed("If-Unmodified-Since"));
                }
            }
        }
        let unchanged = match &self.if_none_match {
            Some(condition) => matches(condition, object),
            None => self.if_modified_since.as_ref().is_some_and(|since| modified <= *since),
        };
        if unchanged {
            return Err(S3Error::new(S3ErrorCode::NotModified));
        }
        Ok(())
    }

    pub fn check_write(&self, present: Option<&ObjectRecord>) -> S3Result<()> {
        match (&self.if_match, present) {
            (Some(_), None) => return Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (Some(condition), Some(object)) if !matches(condition, object) => return Err(failed("If-Match")),
            _ => {}
        }
        match (&self.if_none_match, present) {
            (Some(condition), Some(object)) if matches(condition, object) => Err(failed("If-None-Match")),
            _ => Ok(()),
        }
    }
}

/// Whether a range may be answered as one: `If-Range` holds an ETag or a date, and s3s leaves it to us.
pub fn range_holds(if_range: Option<&str>, object: &ObjectRecord) -> bool {
    match if_range {
        None => true,
        Some(tag) if tag.starts_with(['"', 'W']) => tag.trim_matches('"') == object.etag,
        Some(date) => Timestamp::parse(s3s::dto::TimestampFormat::HttpDate, date)
            .is_ok_and(|date| date == object.modified.timestamp()),
    }
}

fn matches(condition: &ETagCondition, object: &ObjectRecord) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.weak_cmp(&ETag::Strong(object.etag.clone())),
    }
}

fn failed(condition: &str) -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold: {condition}")
}
