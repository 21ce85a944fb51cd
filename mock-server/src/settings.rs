//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::backend::PartChecksum;
use crate::provider::Provider;

/// A backend, an S3-shaped store and a fault machine on loopback.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Settings {
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,

    /// Port of the page, the backend and the control routes; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// Port of the store; 0 picks a free one
    #[arg(long, default_value_t = 9000)]
    pub store_port: u16,

    /// Hosts of the embedded store, each on a port of its own: downloads are signed for all of them
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub hosts: u8,

    /// Folder of the stored files
    #[arg(long, default_value = ".mock-server")]
    pub data: PathBuf,

    /// Remove the stored files first
    #[arg(long)]
    pub clean: bool,

    /// Folder served at /
    #[arg(long, default_value = "www")]
    pub page: PathBuf,

    /// Folder served at /presigned/
    #[arg(long, default_value = "pkg")]
    pub package: PathBuf,

    /// Seed of the faults' chances
    #[arg(long, default_value_t = 0)]
    pub seed: u64,

    /// Bytes per part, unless the request says otherwise; below 5 MiB, it lowers the embedded store's minimum too
    #[arg(long, default_value_t = 8 << 20)]
    pub part_size: u64,

    /// Life of a signed URL, in seconds
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub expires_in: u64,

    /// Parts signed with the answer to an upload request
    #[arg(long, default_value_t = 32)]
    pub batch: usize,

    /// Sign no part without its checksum: the store then takes no other bytes
    #[arg(long, value_name = "ALGORITHM", num_args = 0..=1, require_equals = true, default_missing_value = "crc64nvme")]
    pub part_checksums: Option<PartChecksum>,

    /// Largest file taken, in bytes
    #[arg(long, default_value_t = 10_000 * (5 << 30))]
    pub max_size: u64,

    /// Types taken, such as image/*,application/pdf; all if absent
    #[arg(long, value_delimiter = ',')]
    pub types: Vec<String>,

    /// Seconds by which the clock that signs URLs is ahead of the store's, or behind it if negative
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-604_800..=604_800))]
    pub signer_skew: i64,

    /// Requests a second that a user may make of the backend; unlimited if absent
    #[arg(long)]
    pub rate: Option<std::num::NonZeroU32>,

    /// Hours after which an unfinished upload is aborted
    #[arg(long, default_value_t = 24)]
    pub abort_after: u64,

    /// Whose store the embedded one behaves like; with --s3, whose that one is
    #[arg(long, value_enum, default_value_t = Provider::Aws)]
    pub provider: Provider,

    /// Key file of a service account, with which URLs for Google Cloud Storage are signed; an HMAC key is used if absent
    #[arg(long)]
    pub google_key: Option<PathBuf>,

    /// A repeated Complete is answered with NoSuchUpload, as most S3-compatibles do; AWS repeats its first answer
    #[arg(long)]
    pub once_only_complete: bool,

    /// Parts of unequal size, but for the last, are refused at Complete, as by R2
    #[arg(long)]
    pub equal_parts: bool,

    /// Parts on a page of ListParts, at most
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub list_page: u16,

    /// A fault rule, as JSON or as words: `part status=503 part=3 times=2`
    #[arg(long, value_parser = crate::faults::rule::parse_flag)]
    pub fault: Vec<serde_json::Value>,

    /// Secret of the login tokens; random if absent
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<String>,

    /// Endpoint of a real S3 store, which then takes the embedded one's place
    #[arg(long)]
    pub s3: Option<url::Url>,

    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub s3_key: Option<String>,

    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret: Option<String>,

    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    #[arg(long, env = "S3_BUCKET")]
    pub s3_bucket: Option<String>,
}
