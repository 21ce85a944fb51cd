//! Whose signatures the store wants, and URLs that bear them.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, Method};

use crate::goog4::{Key, sign_url};
use crate::store::Access;

pub enum Signer {
    Amazon(Credentials),
    /// The actions and their queries are S3's all the same.
    Google(Key),
}

impl Signer {
    pub fn new(access: &Access) -> Self {
        match &access.google {
            Some(key) => Self::Google(key.clone()),
            None => Self::Amazon(Credentials::new(access.key.clone(), access.secret.clone())),
        }
    }

    /// What an action is made with; without, it is signed by nobody, and then here.
    pub fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Amazon(credentials) => Some(credentials),
            Self::Google(_) => None,
        }
    }

    pub fn sign<'a, A: S3Action<'a>>(&self, mut action: A, lifetime: Duration, at: Timestamp) -> Url {
        let url = action.sign_with_time(lifetime, &at);
        match self {
            Self::Amazon(_) => url,
            Self::Google(key) => sign_url(key, A::METHOD.to_str(), &url, action.headers_mut().iter(), lifetime, at),
        }
    }

    /// A GET of the bucket with a query, whose names are in order.
    pub fn sign_list(&self, bucket: &Bucket, query: Vec<(&str, &str)>, lifetime: Duration) -> Url {
        let (mut url, now) = (bucket.object_url(""), Timestamp::now());
        match self {
            Self::Amazon(credentials) => rusty_s3::signing::sign(
                &now,
                Method::Get,
                url,
                credentials.key(),
                credentials.secret(),
                None,
                bucket.region(),
                lifetime.as_secs(),
                query.into_iter(),
                std::iter::empty(),
            ),
            Self::Google(key) => {
                url.query_pairs_mut().extend_pairs(query);
                sign_url(key, "GET", &url, std::iter::empty(), lifetime, now)
            }
        }
    }

    /// What the names of headers begin with that keep an application's own data.
    pub fn metadata_prefix(&self) -> &'static str {
        match self {
            Self::Amazon(_) => "x-amz-meta-",
            Self::Google(_) => "x-goog-meta-",
        }
    }
}
