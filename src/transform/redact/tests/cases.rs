//! One case each: where a value can stand, how it can be spelled, what becomes of it.

use super::*;

fn assert_each(steps: &dyn Fn() -> Vec<StepConfig>, cases: &[(&str, &str)]) {
    for (event, expected) in cases {
        let left = redact(steps(), event);
        assert_eq!(left, *expected, "{event}");
        assert!(serde_json::from_str::<serde_json::Value>(&left).is_ok());
    }
}

#[test]
fn an_event_without_anything_to_redact_keeps_its_bytes() {
    let all = || vec![classes(&Class::ALL, replace("R"))];
    for event in ["{}", " { \"a\" : [ 1.50e3 , \"\\u0041\" ] }\n", r#"{"data":{"methodName":"kafka.CreateTopics"}}"#] {
        let mut tape = Tape::default();
        let document = tape.read(event.as_bytes()).expect("an object");
        assert_eq!(redactor(all()).redact(&document), Ok(None), "{event}");
    }
}

#[test]
fn an_address_is_redacted_wherever_it_stands() {
    assert_each(
        &|| vec![classes(&[Class::Email], replace("R"))],
        &[
            (r#"{"email":"a@b.c"}"#, r#"{"email":"R"}"#),
            (r#"{"x":"mail to a@b.c, or not"}"#, r#"{"x":"mail to R, or not"}"#),
            (r#"{"x":"crn:///identity=A@b.c/y=z"}"#, r#"{"x":"crn:///identity=R/y=z"}"#),
            (r#"{"x":"crn:///identity=a%40b.c/y=z"}"#, r#"{"x":"crn:///identity=R/y=z"}"#),
            (r#"{"x":"\u0061\u0040b.c!"}"#, r#"{"x":"R!"}"#),
            (r#"{"a@b.c":1,"a\u0040b.c":2}"#, r#"{"R":1,"R":2}"#),
            (r#"{"x":"{\"y\":\"a\\u0040b.c\"}"}"#, r#"{"x":"{\"y\":\"R\"}"}"#),
            // A member of this name holds one, whatever it looks like.
            (r#"{"e_mail":1,"email":"alice","Email":"Alice <a@b.c>"}"#, r#"{"e_mail":"R","email":"R","Email":"R"}"#),
            (r#"{"email":"alice","x":"by ALICE","y":{"alice":0}}"#, r#"{"email":"R","x":"by R","y":{"R":0}}"#),
            (r#"{"em\u0061il":["alice",17,null,true]}"#, r#"{"em\u0061il":["R","R",null,true]}"#),
            (r#"{"email":"a@b.c","email":"d@e.f"}"#, r#"{"email":"R","email":"R"}"#),
        ],
    );
}

#[test]
fn an_ip_address_is_redacted_in_its_places_and_equal_ones_elsewhere() {
    assert_each(
        &|| vec![classes(&[Class::ClientIp], replace("R"))],
        &[
            (r#"{"clientAddress":[{"ip":"1.2.3.4","port":80}]}"#, r#"{"clientAddress":[{"ip":"R","port":80}]}"#),
            (r#"{"client_address":"/1.2.3.4:80"}"#, r#"{"client_address":"/R:80"}"#),
            (r#"{"client_address":"host/1.2.3.4"}"#, r#"{"client_address":"R"}"#),
            (
                r#"{"clientIp":"1.2.3.4","host":"1.2.3.4","x":"from 1.2.3.4: no, 11.2.3.4"}"#,
                r#"{"clientIp":"R","host":"R","x":"from R: no, 11.2.3.4"}"#,
            ),
            (r#"{"client_ip":"2001:DB8::17","x":"[2001:db8:0:0:0:0:0:17]:80"}"#, r#"{"client_ip":"R","x":"[R]:80"}"#),
            (
                r#"{"client_ip":"1.2.3.4","x":"::ffff:102:304 and ::ffff:1.2.3.4"}"#,
                r#"{"client_ip":"R","x":"R and R"}"#,
            ),
            (r#"{"client_ip":"::ffff:1.2.3.4","x":"from 1.2.3.4"}"#, r#"{"client_ip":"R","x":"from R"}"#),
            (r#"{"clientAddress":16909060,"x":16909060}"#, r#"{"clientAddress":"R","x":"R"}"#),
            (r#"{"host":"1.2.3.4"}"#, r#"{"host":"1.2.3.4"}"#),
            (r#"{"clientAddress":[{"type":"1.2.3.4"}]}"#, r#"{"clientAddress":[{"type":"R"}]}"#),
        ],
    );
}

#[test]
fn a_principal_is_redacted_as_a_string_as_an_object_and_within_crns() {
    assert_each(
        &|| vec![classes(&[Class::Principal], replace("R"))],
        &[
            (r#"{"principal":"User:sa-1abc"}"#, r#"{"principal":"User:R"}"#),
            (
                r#"{"principal":"User:sa-1abc","x":"crn:///a=b/service-account=sa-1abc"}"#,
                r#"{"principal":"User:R","x":"crn:///a=b/service-account=R"}"#,
            ),
            (
                r#"{"principal":{"confluentUser":{"resourceId":"User:u-9"}}}"#,
                r#"{"principal":{"confluentUser":{"resourceId":"User:R"}}}"#,
            ),
            (
                r#"{"principal":{"externalAccount":{"subject":"0oa-x","namespace":[{"type":"IDP","id":"op-1"}]}}}"#,
                r#"{"principal":{"externalAccount":{"subject":"R","namespace":[{"type":"IDP","id":"R"}]}}}"#,
            ),
            (r#"{"principal":"None:UNKNOWN_USER"}"#, r#"{"principal":"None:UNKNOWN_USER"}"#),
            (
                r#"{"principal":"User:123456","id":123456,"x":"9123456"}"#,
                r#"{"principal":"User:R","id":"R","x":"9123456"}"#,
            ),
            (r#"{"principal":"User:*"}"#, r#"{"principal":"User:*"}"#),
            (
                r#"{"identity":"crn://c/organization=o/identity-provider=I/identity=bob"}"#,
                r#"{"identity":"crn://c/organization=o/identity-provider=I/identity=R"}"#,
            ),
            (r#"{"identity":"crn://c/sso-connection=okta"}"#, r#"{"identity":"crn://c/sso-connection=R"}"#),
            (
                r#"{"x":{"type":"SERVICE_ACCOUNT","resourceId":"robot"}}"#,
                r#"{"x":{"type":"SERVICE_ACCOUNT","resourceId":"R"}}"#,
            ),
            (
                r#"{"x":{"resourceId":"robot","type":"TOPIC","type":"USER"}}"#,
                r#"{"x":{"resourceId":"R","type":"TOPIC","type":"USER"}}"#,
            ),
            (r#"{"principal":"User:CN=robot,O=x","y":"robot"}"#, r#"{"principal":"User:R","y":"R"}"#),
            (r#"{"y":"user u-1abc logged in"}"#, r#"{"y":"user R logged in"}"#),
        ],
    );
}

#[test]
fn a_short_value_is_redacted_elsewhere_only_where_it_stands_alone_and_a_plain_word_never() {
    assert_each(
        &|| vec![classes(&[Class::Principal], replace("R"))],
        &[
            (
                r#"{"principal":"User:bob","x":"bobbin","y":"bob","z":"user=bob","bob":7}"#,
                r#"{"principal":"User:R","x":"bobbin","y":"R","z":"user=R","R":7}"#,
            ),
            (
                r#"{"principal":"User:data","data":{"x":"database"}}"#,
                r#"{"principal":"User:R","data":{"x":"database"}}"#,
            ),
            (r#"{"principal":"User:7","n":7}"#, r#"{"principal":"User:R","n":7}"#),
        ],
    );
}

#[test]
fn what_is_dropped_disappears_with_its_member() {
    assert_each(
        &|| vec![classes(&[Class::Email], Treatment::Drop)],
        &[
            (r#"{"a":1,"email":"a@b.c"}"#, r#"{"a":1}"#),
            (r#"{"email":["a@b.c","d@e.f"],"x":["g@h.i",1]}"#, r#"{"email":[],"x":[1]}"#),
            (r#"{"x":"mail a@b.c now"}"#, r#"{"x":"mail  now"}"#),
            (r#"{"a@b.c":1}"#, r#"{"":1}"#),
        ],
    );
}

#[test]
fn a_path_leads_through_arrays_to_every_member_of_the_name() {
    assert_each(
        &|| vec![paths(&["data.sql", "**.secret", "data.*.deep"], replace("R"))],
        &[
            (
                r#"{"data":{"sql":"x","s\u0071l":"y","other":{"sql":"z"}}}"#,
                r#"{"data":{"sql":"R","s\u0071l":"R","other":{"sql":"z"}}}"#,
            ),
            (r#"{"data":[{"sql":["x",{"a":1},[true]]}]}"#, r#"{"data":[{"sql":["R","R",["R"]]}]}"#),
            (
                r#"{"data":{"sql":5},"x":[{"secret":{"a":"b"}},{"secret":null}]}"#,
                r#"{"data":{"sql":"R"},"x":[{"secret":"R"},{"secret":null}]}"#,
            ),
            (r#"{"data":{"x":{"deep":"1"},"deep":"2"}}"#, r#"{"data":{"x":{"deep":"R"},"deep":"2"}}"#),
            (r#"{"data":{"sql":""}}"#, r#"{"data":{"sql":"R"}}"#),
        ],
    );
    assert_each(
        &|| vec![paths(&["data.sql"], Treatment::Drop)],
        &[
            (r#"{"data":{"sql":["x"]},"b":1}"#, r#"{"data":{},"b":1}"#),
            (r#"{"data":[{"sql":1,"a":2,"sql":3}]}"#, r#"{"data":[{"a":2}]}"#),
        ],
    );
}

#[test]
fn a_pattern_is_searched_for_in_what_lies_at_its_place_only() {
    let steps = || vec![pattern(&["data.message"], "token=[a-z]+", replace("token=R"))];
    assert_each(
        &steps,
        &[
            (
                r#"{"data":{"message":"a token=\u0078yz b","other":"token=x"}}"#,
                r#"{"data":{"message":"a token=R b","other":"token=x"}}"#,
            ),
            (r#"{"data":{"message":{"deep":["token=x"]}}}"#, r#"{"data":{"message":{"deep":["token=R"]}}}"#),
        ],
    );
    assert_each(&|| vec![pattern(&["n"], "^12", replace("R"))], &[(r#"{"n":123,"m":123}"#, r#"{"n":"R","m":123}"#)]);
}

#[test]
fn payloads_keep_their_shape_and_the_members_that_are_kept() {
    let step = StepConfig { keep_members: vec!["kind".into()], ..classes(&[Class::Payload], replace("[{length}]")) };
    assert_each(
        &|| vec![step.clone()],
        &[
            (
                r#"{"data":{"request":{"data":{"kind":"K","sql":"SELECT","n":12,"b":true,"l":["x",null]}}}}"#,
                r#"{"data":{"request":{"data":{"kind":"K","sql":"[6]","n":"[2]","b":"[4]","l":["[1]",null]}}}}"#,
            ),
            (
                r#"{"data":{"result":{"data":"text","status":"OK"}}}"#,
                r#"{"data":{"result":{"data":"[4]","status":"OK"}}}"#,
            ),
        ],
    );
}

#[test]
fn the_earlier_step_has_what_two_want_and_the_outer_edit_wins() {
    let steps = || vec![classes(&[Class::Email], replace("M")), paths(&["a", "b"], replace("P"))];
    assert_each(
        &steps,
        &[
            (r#"{"a":"x a@b.c"}"#, r#"{"a":"P"}"#),
            (r#"{"a":"a@b.c"}"#, r#"{"a":"M"}"#),
            (r#"{"b":{"email":"a@b.c"},"c":"a@b.c"}"#, r#"{"b":"P","c":"M"}"#),
        ],
    );
}

#[test]
fn one_value_has_one_pseudonym_in_every_place_and_spelling() {
    let event =
        r#"{"email":"Alice@Example.com","x":"crn:///identity=alice%40example.com","y":"\u0061lice@example.com."}"#;
    let left = redact(vec![classes(&[Class::Email], hmac())], event);
    let token = "hmac:k1:oqlhttv5aubn53phojis";
    assert_eq!(left, format!(r#"{{"email":"{token}","x":"crn:///identity={token}","y":"{token}."}}"#));
}

#[test]
fn what_has_no_end_is_refused() {
    let many: String = (0..2000).map(|n| format!(r#"{{"ip":"10.0.{}.{}"}},"#, n / 250, n % 250)).collect();
    let event = format!(r#"{{"clientAddress":[{many}0]}}"#);
    let mut redactor = redactor(vec![classes(&[Class::ClientIp], replace("R"))]);
    assert_eq!(try_redact(&mut redactor, &event), Err(Unredactable::TooManyValues));
    let many = "\"a@b\",".repeat(super::super::edits::EDITS_MAX + 1);
    let mut redactor = super::redactor(vec![classes(&[Class::Email], replace("R"))]);
    assert_eq!(try_redact(&mut redactor, &format!(r#"{{"x":[{many}0]}}"#)), Err(Unredactable::TooManyEdits));
    assert_eq!(try_redact(&mut redactor, "{}"), Ok("{}".into()), "the next event is not concerned");
}
