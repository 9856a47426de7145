use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::config::Secret;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RSA: &str = include_str!("../../../tests/keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("../../../tests/keys/rsa.pub.pem");
const EC: &str = include_str!("../../../tests/keys/ec.pem");
const EC_PUBLIC: &str = include_str!("../../../tests/keys/ec.pub.pem");
const ED: &str = include_str!("../../../tests/keys/ed.pem");
const ED_PUBLIC: &str = include_str!("../../../tests/keys/ed.pub.pem");
const SET: &str = include_str!("../../../tests/keys/set.json");
const NOW: Timestamp = Timestamp(1_000_000_000);

fn keys(change: impl FnOnce(&mut AuthConfig)) -> Keys {
    let mut config = AuthConfig::default();
    change(&mut config);
    Keys::open(&config).unwrap().unwrap()
}

fn with_secret() -> Keys {
    keys(|config| config.jwt_secret = Some(Secret::new(SECRET)))
}

/// Keys of a file.
fn of_file(text: &str) -> (Keys, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    (keys(|config| config.jwt_keys = Some(file.path().to_owned())), file)
}

fn sign(algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let key = match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA.as_bytes()),
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC.as_bytes()),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED.as_bytes()),
        _ => Ok(EncodingKey::from_secret(SECRET.as_bytes())),
    };
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, &key.unwrap()).unwrap()
}

fn claims() -> Value {
    json!({ "role": "operator", "exp": 1_000_100, "sub": "kim" })
}

fn with(name: &str, value: Value) -> Value {
    let mut all = claims();
    all[name] = value;
    all
}

#[test]
fn every_algorithm_is_verified_with_its_key_and_no_other() {
    let all = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let pem = format!("{RSA_PUBLIC}\n{EC_PUBLIC}{ED_PUBLIC}");
    let (of_pem, _file) = of_file(&pem);
    let (of_set, _file) = of_file(SET);
    let one = |text: &str| of_file(text).0;
    for (name, keys, good) in [
        ("secret", with_secret(), vec![Algorithm::HS256]),
        ("pem", of_pem, vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]),
        ("set", of_set, vec![Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]),
        ("rsa", one(RSA_PUBLIC), vec![Algorithm::RS256]),
        ("ec", one(EC_PUBLIC), vec![Algorithm::ES256]),
        ("ed", one(ED_PUBLIC), vec![Algorithm::EdDSA]),
    ] {
        for algorithm in all {
            let found = keys.verify(&sign(algorithm, None, &claims()), NOW);
            assert_eq!(found.is_ok(), good.contains(&algorithm), "{algorithm:?} with {name}");
        }
    }
}

#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let body = base64(&claims().to_string());
    let (keys, _file) = of_file(RSA_PUBLIC);
    for header in
        [r#"{"alg":"none"}"#, r#"{"alg":"None","typ":"JWT"}"#, r#"{"alg":"NONE"}"#, r#"{"typ":"JWT"}"#, "{}"]
    {
        for signature in ["", "AAAA"] {
            let token = format!("{}.{body}.{signature}", base64(header));
            assert_eq!(keys.verify(&token, NOW), Err(Refused::Bad), "{header}");
            assert_eq!(with_secret().verify(&token, NOW), Err(Refused::Bad), "{header}");
        }
    }
    // The public key, which everybody has, taken for a secret.
    let confused = EncodingKey::from_secret(RSA_PUBLIC.as_bytes());
    let confused = encode(&Header::new(Algorithm::HS256), &claims(), &confused).unwrap();
    assert_eq!(keys.verify(&confused, NOW), Err(Refused::Bad));
    // Longer hashes with the same secret are another algorithm.
    let longer =
        encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
    assert_eq!(with_secret().verify(&longer.unwrap(), NOW), Err(Refused::Bad));
    let good = sign(Algorithm::RS256, None, &claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other = base64(&with("role", json!("admin")).to_string());
    for bad in
        [format!("{head}.{other}.{signature}"), format!("{signed}."), signed.to_owned(), "a.b.c".into()]
    {
        assert_eq!(keys.verify(&bad, NOW), Err(Refused::Bad), "{bad}");
    }
}

#[test]
fn claims_hold_strictly() {
    let project = ProjectId::generate().to_string();
    let many: Vec<String> = (0..9).map(|_| ProjectId::generate().to_string()).collect();
    let good = Ok(());
    let bad = Err(Refused::Bad);
    for (claims, expected) in [
        (claims(), good),
        (with("exp", json!(1_000_000.5)), good),
        (with("exp", json!(1_000_000)), Err(Refused::Expired)),
        (with("exp", json!(0)), Err(Refused::Expired)),
        (with("exp", json!("1000100")), bad),
        (with("exp", Value::Null), bad),
        (with("exp", json!(1e300)), bad),
        (with("nbf", json!(1_000_060)), good),
        (with("nbf", json!(1_000_061)), bad),
        (with("nbf", json!("never")), bad),
        (with("iat", json!(2_000_000)), bad),
        (with("role", json!("root")), bad),
        (with("role", json!(["admin"])), bad),
        (with("role", Value::Null), bad),
        (with("projects", json!([project])), good),
        (with("rooms", json!([project])), good),
        (with("projects", json!([])), bad),
        (with("projects", json!(["x"])), bad),
        (with("projects", json!(project)), bad),
        (with("projects", json!(many)), bad),
        (json!({ "role": "admin", "exp": 1_000_100, "projects": [project] }), bad),
        (json!({ "role": "operator" }), bad),
    ] {
        let token = sign(Algorithm::HS256, None, &claims);
        assert_eq!(with_secret().verify(&token, NOW).map(drop), expected, "{claims}");
    }
    let named = with_secret().verify(&sign(Algorithm::HS256, None, &with("rooms", json!([project]))), NOW);
    assert_eq!(named.unwrap().projects[0].to_string(), project);
}

#[test]
fn issuer_and_audience_are_asked_for_when_they_are_set() {
    let keys = keys(|config| {
        config.jwt_secret = Some(Secret::new(SECRET));
        config.jwt_issuer = Some("https://id.example".into());
        config.jwt_audience = Some("callboard".into());
    });
    for (issuer, audience, good) in [
        (json!("https://id.example"), json!("callboard"), true),
        (json!("https://id.example"), json!(["other", "callboard"]), true),
        (json!("https://id.example"), json!("other"), false),
        (json!("https://id.example"), Value::Null, false),
        (json!("https://evil.example"), json!("callboard"), false),
        (Value::Null, json!("callboard"), false),
    ] {
        let mut claims = claims();
        (claims["iss"], claims["aud"]) = (issuer, audience);
        assert_eq!(keys.verify(&sign(Algorithm::HS256, None, &claims), NOW).is_ok(), good, "{claims}");
    }
}

#[test]
fn keys_are_changed_under_way() {
    let (keys, file) = of_file(EC_PUBLIC);
    let (old, new) = (sign(Algorithm::ES256, None, &claims()), sign(Algorithm::EdDSA, None, &claims()));
    assert!(keys.verify(&old, NOW).is_ok() && keys.verify(&new, NOW).is_err());
    std::fs::write(file.path(), format!("{ED_PUBLIC}{EC_PUBLIC}")).unwrap();
    keys.reread().unwrap();
    assert!(keys.verify(&old, NOW).is_ok() && keys.verify(&new, NOW).is_ok());
    std::fs::write(file.path(), ED_PUBLIC).unwrap();
    keys.reread().unwrap();
    assert!(keys.verify(&old, NOW).is_err() && keys.verify(&new, NOW).is_ok());
    for nothing in ["", "{}", r#"{"keys":[]}"#, RSA, "-----BEGIN", "-----BEGIN PUBLIC KEY-----\n-----END"] {
        std::fs::write(file.path(), nothing).unwrap();
        assert!(keys.reread().is_err(), "{nothing}");
        assert!(keys.verify(&new, NOW).is_ok(), "what was known stays");
    }
}

#[test]
fn the_name_of_a_key_counts_where_both_have_one() {
    let (keys, _file) = of_file(SET);
    for (kid, good) in [(None, true), (Some("ed-1"), true), (Some("ec-1"), false), (Some("published"), false)]
    {
        assert_eq!(keys.verify(&sign(Algorithm::EdDSA, kid, &claims()), NOW).is_ok(), good, "{kid:?}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in ".*", parts in "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,20}") {
        let _ = read(&text);
        proptest::prop_assert!(with_secret().verify(&text, NOW).is_err());
        proptest::prop_assert!(with_secret().verify(&parts, NOW).is_err());
    }
}
