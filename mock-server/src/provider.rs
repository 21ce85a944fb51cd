//! The stores that this one can pass for, as data. What nobody here could source is as with AWS.

use clap::ValueEnum;

/// Whose store the embedded one behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    Aws,
    /// Google Cloud Storage's XML API, with its own signatures, headers, errors and resumable uploads
    Gcs,
    /// Cloudflare R2
    R2,
    Minio,
    /// Backblaze B2
    B2,
    /// Ceph's RADOS Gateway
    Ceph,
    Garage,
    /// DigitalOcean Spaces, which is Ceph
    Digitalocean,
    Wasabi,
    Tigris,
}

/// In what stores differ.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Speaks Google's XML API instead of S3.
    pub google: bool,
    /// Has Garage's words for what is wrong.
    pub garage: bool,
    /// A repeated Complete finds no upload any more; else it is answered as the first was.
    pub once_only_complete: bool,
    /// All parts but the last must have one size.
    pub equal_parts: bool,
    /// Takes presigned POST forms; else they are 501.
    pub post_forms: bool,
    pub checksums: Checksums,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    /// CRC-64/NVME of each object, told even if nobody declared one.
    Told,
    /// Only what was declared when the object was made.
    Declared,
    /// A header or parameter about checksums is an error.
    Refused,
}

const AWS: Profile = Profile {
    google: false,
    garage: false,
    once_only_complete: false,
    equal_parts: false,
    post_forms: true,
    checksums: Checksums::Told,
};

impl Provider {
    pub fn profile(self) -> Profile {
        match self {
            Self::Aws => AWS,
            Self::Gcs => Profile { google: true, once_only_complete: true, checksums: Checksums::Declared, ..AWS },
            Self::R2 => Profile {
                once_only_complete: true,
                equal_parts: true,
                post_forms: false,
                checksums: Checksums::Declared,
                ..AWS
            },
            Self::Garage => Profile { garage: true, ..Self::Minio.profile() },
            // "Working as intended", says MinIO's issue 13318 of the repeated Complete. Of Wasabi and Tigris, whose documents don't say
            // how they answer it, the worse is assumed.
            Self::Minio | Self::Wasabi | Self::Tigris => {
                Profile { once_only_complete: true, checksums: Checksums::Declared, ..AWS }
            }
            // Its documents list the calls that it has, and no POST Object; checksums it calls unsupported headers.
            Self::B2 => Profile { once_only_complete: true, post_forms: false, checksums: Checksums::Refused, ..AWS },
            // It repeats the first answer, as AWS does; its own tests want it.
            Self::Ceph | Self::Digitalocean => Profile { checksums: Checksums::Declared, ..AWS },
        }
    }
}
