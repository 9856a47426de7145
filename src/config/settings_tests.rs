use super::*;

#[test]
fn defaults_read_back_from_how_they_are_shown() {
    let defaults = Config::default();
    for setting in ALL.iter().filter(|setting| setting.key != "admin_token") {
        let shown: toml::Table = format!("value = {}", (setting.show)(&defaults)).parse().unwrap();
        let mut config = Config::default();
        assert!((setting.set)(&mut config, Given(&shown["value"])).is_some(), "{}", setting.key);
        assert_eq!(config, defaults, "{}", setting.key);
    }
}

#[test]
fn says_no_to_what_is_not_allowed() {
    for (key, value) in [
        ("listen", "8080"),
        ("listen", "example.org:80"),
        ("data_dir", " "),
        ("log_filter", "loud"),
        ("log_filter", "=info"),
        ("http.allowed_origins", "example.org"),
        ("http.allowed_origins", "https://a/b"),
        ("http.public_url", "ftp://a"),
        ("http.allowed_hosts", "a b"),
        ("runs.concurrency", "0"),
        ("runs.resources", "gpu"),
        ("runs.resources", "gpu=0"),
        ("runs.resources", "=2"),
        ("store.durability", "maybe"),
        ("retention.every_ms", "0"),
        ("retention.events_days", "-1"),
        ("retention.latest_files", "perhaps"),
        ("alerts.disk_free_percent", "100"),
        ("auth.tokens", "operator:abc"),
        ("auth.tokens", "root:0000000000000000000000000000000000000000000000000000000000000000"),
        ("admin_token", ""),
        ("admin_token", "with white space in it"),
    ] {
        let setting = ALL.iter().find(|setting| setting.key == key).unwrap();
        let value = toml::Value::String(value.into());
        assert!((setting.set)(&mut Config::default(), Given(&value)).is_none(), "{key} = {value}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let mut config = Config::default();
    config.auth.admin_token = Some(Secret::new("0123456789abcdef"));
    config.auth.tokens = vec![TokenHash { role: Role::Viewer, sha256: "ab".repeat(32) }];
    let shown: String = ALL.iter().map(|setting| (setting.show)(&config)).collect();
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("abab"), "{shown}");
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}
