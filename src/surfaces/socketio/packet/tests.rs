use proptest::prelude::*;

use super::*;

fn read(messages: &[&str]) -> Result<String, BadPacket> {
    let mut decoder = Decoder::new(8);
    let mut packet = None;
    for message in messages {
        packet = match message.strip_prefix('b') {
            Some(bytes) => decoder.binary(Bytes::copy_from_slice(bytes.as_bytes()))?,
            None => decoder.text(message)?,
        };
    }
    Ok(match packet {
        None => "waits".to_owned(),
        Some(Packet::Connect { namespace, auth }) => {
            format!("connect {namespace} {}", auth.as_ref().map_or("", |auth| auth.get()))
        }
        Some(Packet::Disconnect { namespace }) => format!("disconnect {namespace}"),
        Some(Packet::Event(Event { namespace, id, name, args })) => {
            let count = args.attachments.len();
            format!("event {namespace} {id:?} {name} {} {count}", args.joined())
        }
        Some(Packet::Ack(Ack { namespace, id, args })) => {
            format!("ack {namespace} {id} {} {}", args.joined(), args.attachments.len())
        }
    })
}

#[test]
fn packets_of_the_protocol() {
    let hole = r#"{"_placeholder":true,"num":0}"#;
    let binary_event = format!(r#"51-["m",{hole}]"#);
    let nested = format!(r#"52-/n,7["m",[{{"deep":{hole}}}],{{"_placeholder":true,"num":1}}]"#);
    let binary_ack = format!("61-7[{hole}]");
    for (messages, expected) in [
        (&["0"][..], "connect / "),
        (&[r#"0{"token":"123"}"#], r#"connect / {"token":"123"}"#),
        (&["0/custom"], "connect /custom "),
        (&["0/custom,"], "connect /custom "),
        (&[r#"0/custom,{"a":1}"#], r#"connect /custom {"a":1}"#),
        (&["1"], "disconnect /"),
        (&["1/custom,"], "disconnect /custom"),
        (&[r#"2["foo"]"#], "event / None foo  0"),
        (&[r#"2["foo",1,"2",{"3":[true]}]"#], r#"event / None foo 1,"2",{"3":[true]} 0"#),
        (&[r#"2/admin,456["project:delete",123]"#], "event /admin Some(456) project:delete 123 0"),
        (&[r#"2["äöü \" €"]"#], "event / None äöü \" €  0"),
        (&[r#"2["\u00e4\u2028"]"#], "event / None ä\u{2028}  0"),
        (&["2[5,1]"], "event / None 5 1 0"),
        (&["3/admin,456[]"], "ack /admin 456  0"),
        (&["313[1.0,1e3]"], "ack / 13 1.0,1e3 0"),
        (&[r#"50-["m"]"#], "event / None m  0"),
        (&[&binary_event], "waits"),
        (&[&binary_event, "bxx"], &format!("event / None m {hole} 1")),
        (
            &[&nested, "bx", "by"],
            &format!(r#"event /n Some(7) m [{{"deep":{hole}}}],{{"_placeholder":true,"num":1}} 2"#),
        ),
        (&[&binary_ack, "bx"], &format!("ack / 7 {hole} 1")),
    ] {
        assert_eq!(read(messages).as_deref(), Ok(expected), "{messages:?}");
    }
}

#[test]
fn others_are_refused() {
    for (messages, error) in [
        (&[""][..], BadPacket::UnknownType),
        (&["abc"], BadPacket::UnknownType),
        (&["7"], BadPacket::UnknownType),
        (&["é"], BadPacket::UnknownType),
        (&[r#"4{"message":"no"}"#], BadPacket::UnknownType),
        (&["0[]"], BadPacket::Payload),
        (&["0\"x\""], BadPacket::Payload),
        (&["0{"], BadPacket::Payload),
        (&["05{}"], BadPacket::Payload),
        (&["1{}"], BadPacket::Payload),
        (&["2"], BadPacket::Payload),
        (&["2{}"], BadPacket::Payload),
        (&["2[]"], BadPacket::Payload),
        (&["2[{}]"], BadPacket::Payload),
        (&["2[null]"], BadPacket::Payload),
        (&[r#"2abc["m"]"#], BadPacket::Payload),
        (&[r#"2["\ud800"]"#], BadPacket::Payload),
        (&[r#"2["m"]x"#], BadPacket::Payload),
        (&[r#"299999999999999999999["m"]"#], BadPacket::AckId),
        (&[r#"29007199254740992["m"]"#], BadPacket::AckId),
        (&[r#"2["connect"]"#], BadPacket::Reserved),
        (&[r#"2["disconnecting",1]"#], BadPacket::Reserved),
        (&[r#"2["\u0063onnect"]"#], BadPacket::Reserved),
        (&["3[]"], BadPacket::AckId),
        (&["31{}"], BadPacket::Payload),
        (&[r#"5["m"]"#], BadPacket::Attachments),
        (&[r#"5-["m"]"#], BadPacket::Attachments),
        (&[r#"5+1-["m"]"#], BadPacket::Attachments),
        (&[r#"51.5-["m"]"#], BadPacket::Attachments),
        (&[r#"511-["m"]"#], BadPacket::Attachments),
        (&[r#"599999999999999999999-["m"]"#], BadPacket::Attachments),
        (&["bx"], BadPacket::Order),
        (&[r#"51-["m"]"#, r#"2["m"]"#], BadPacket::Order),
        (&[r#"51-["m"]"#, "bx", "by"], BadPacket::Order),
        (&[r#"51-["m",{"_placeholder":true,"num":1}]"#, "bx"], BadPacket::Placeholder),
        (&[r#"51-["m",{"_placeholder":true,"num":-1}]"#, "bx"], BadPacket::Placeholder),
        (&[r#"51-["m",{"_placeholder":true,"num":"0"}]"#, "bx"], BadPacket::Placeholder),
        (&[r#"51-["m",{"_placeholder":true,"num":0.5}]"#, "bx"], BadPacket::Placeholder),
        (&[r#"51-["m",{"_placeholder":true}]"#, "bx"], BadPacket::Placeholder),
        (&[r#"51-["m"]"#, "b123456789"], BadPacket::TooLarge),
        (&[r#"52-["m"]"#, "b12345", "b6789"], BadPacket::TooLarge),
    ] {
        assert_eq!(read(messages), Err(error), "{messages:?}");
    }
    let long = format!("0/{},", "n".repeat(NAMESPACE_BYTES_MAX));
    assert_eq!(read(&[&long]), Err(BadPacket::Namespace));
}

#[test]
fn says_what_the_reference_says() {
    assert_eq!(connected("/", "abc"), r#"0{"sid":"abc"}"#);
    assert_eq!(connected("/custom", "abc"), r#"0/custom,{"sid":"abc"}"#);
    assert_eq!(connect_error("/random", "Invalid namespace"), r#"4/random,{"message":"Invalid namespace"}"#);
    assert_eq!(disconnect("/"), "1");
    assert_eq!(disconnect("/custom"), "1/custom,");
    assert_eq!(event("/", None, "auth", "{}", 0), r#"2["auth",{}]"#);
    assert_eq!(event("/custom", Some(3), "ä\"", "", 0), r#"2/custom,3["ä\""]"#);
    let hole = r#"{"_placeholder":true,"num":0}"#;
    assert_eq!(event("/", None, "m", hole, 1), format!(r#"51-["m",{hole}]"#));
    assert_eq!(ack("/", 456, "1,2", 0), "3456[1,2]");
    assert_eq!(ack("/n", 7, hole, 1), format!("61-/n,7[{hole}]"));
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let mut decoder = Decoder::new(8);
    // Nobody reads these arguments, so nothing is wrong with them yet.
    let _ = decoder.text(&format!(r#"2["m",{deep}]"#));
    let mut decoder = Decoder::new(8);
    if decoder.text(&format!(r#"51-["m",{deep}]"#)).is_ok() {
        assert!(decoder.binary(Bytes::new()).is_err());
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[0-9a]?[0-9]{0,3}-?(/[a-z?]{0,4},?)?[0-9]{0,3}(\\[\"[a-z\\\\u]{0,6}\"(,\\{\"_placeholder\":true,\"num\":[0-9]\\})?\\])?.{0,6}",
                    attachments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..12)) {
        let mut decoder = Decoder::new(16);
        let _ = decoder.text(&text);
        for bytes in attachments {
            let _ = decoder.binary(bytes.into());
        }
        let _ = decoder.text(&text);
    }

    #[test]
    fn reads_back_what_it_writes(name in "[^\u{0}-\u{1f}]{1,12}", id in prop::option::of(0u64..1 << 53), number in any::<i64>()) {
        prop_assume!(!RESERVED.contains(&name.as_str()));
        let text = event("/n", id, &name, &number.to_string(), 0);
        let Ok(Some(Packet::Event(back))) = Decoder::new(0).text(&text) else {
            panic!("{text}");
        };
        prop_assert_eq!((back.name, back.id, back.args.joined()), (name, id, number.to_string()));
    }
}
