//! Signatures of requests, so that a worker knows who asks: HMAC-SHA256 over time, method, path and body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header with the seconds since 1970.
pub(super) const TIMESTAMP: &str = "x-callboard-timestamp";
/// The header with the signature.
pub(super) const SIGNATURE: &str = "x-callboard-signature";

/// `v1=` and the HMAC of `TIMESTAMP.METHOD.PATH.BODY` in lower-case hexadecimal. The path is as it stands in the request,
/// with its query.
pub(super) fn signature(secret: &str, timestamp: u64, method: &str, path: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{timestamp}.{method}.{path}.").as_bytes());
    mac.update(body);
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf '%s' '1700000000.POST./work?x=1.{"a":1}' | openssl dgst -sha256 -hmac s3cret` says.
    #[test]
    fn a_signature_is_what_other_tools_compute() {
        assert_eq!(
            signature("s3cret", 1_700_000_000, "POST", "/work?x=1", br#"{"a":1}"#),
            "v1=bc60b859e6f6d43284b70374c9df16572607abdbb9edeef41a3daa363ca035f5"
        );
    }
}
