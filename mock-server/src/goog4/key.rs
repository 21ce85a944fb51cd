//! Keys that sign for Google Cloud Storage: a service account's, which is RSA, or an HMAC key.

use std::fmt;
use std::io;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{Keypair as _, SignatureEncoding as _, Signer as _, Verifier as _};
use serde::Deserialize;
use sha2::Sha256;

use super::Scope;

#[derive(Clone)]
pub enum Key {
    ServiceAccount { email: String, signing: Box<SigningKey<Sha256>> },
    Hmac { id: String, secret: String },
}

/// Of a service account's key file; the other fields are for other uses of it.
#[derive(Deserialize)]
struct KeyFile {
    client_email: String,
    private_key: String,
}

impl Key {
    /// The key file that Google hands out for a service account.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn from_file(path: &Path) -> io::Result<Self> {
        let invalid = |error: String| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} is no service account's key: {error}", path.display()),
            )
        };
        let file: KeyFile =
            serde_json::from_slice(&std::fs::read(path)?).map_err(|error| invalid(error.to_string()))?;
        let private = RsaPrivateKey::from_pkcs8_pem(&file.private_key).map_err(|error| invalid(error.to_string()))?;
        Ok(Self::ServiceAccount { email: file.client_email, signing: Box::new(SigningKey::new(private)) })
    }

    /// What a credential begins with.
    pub fn id(&self) -> &str {
        match self {
            Self::ServiceAccount { email, .. } => email,
            Self::Hmac { id, .. } => id,
        }
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::ServiceAccount { .. } => "GOOG4-RSA-SHA256",
            Self::Hmac { .. } => "GOOG4-HMAC-SHA256",
        }
    }

    /// The signature, in hex.
    pub fn sign(&self, scope: &Scope, text: &str) -> String {
        match self {
            Self::ServiceAccount { signing, .. } => hex::encode(signing.sign(text.as_bytes()).to_bytes()),
            Self::Hmac { secret, .. } => hex::encode(derived(secret, scope).chain_update(text).finalize().into_bytes()),
        }
    }

    pub fn verifies(&self, scope: &Scope, text: &str, signature: &str) -> bool {
        let Ok(bytes) = hex::decode(signature) else { return false };
        match self {
            Self::ServiceAccount { signing, .. } => Signature::try_from(bytes.as_slice())
                .is_ok_and(|signature| signing.verifying_key().verify(text.as_bytes(), &signature).is_ok()),
            Self::Hmac { secret, .. } => derived(secret, scope).chain_update(text).verify_slice(&bytes).is_ok(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the {} key of {}", self.algorithm(), self.id())
    }
}

/// A key for one day, place and service, so that the secret itself signs nothing but that.
fn derived(secret: &str, scope: &Scope) -> Hmac<Sha256> {
    let start = format!("GOOG4{secret}").into_bytes();
    let key = scope.0.split('/').fold(start, |key, part| mac(&key).chain_update(part).finalize().into_bytes().to_vec());
    mac(&key)
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}
