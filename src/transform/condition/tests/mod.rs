//! The language, from the outside: what holds for an event, what is wrong with a condition and where.

mod against_reference;
mod reference;

use super::*;
use crate::event::{Tape, View};

const EVENT: &str = r#"{
    "id": "e-1", "type": "io.confluent.cloud/request", "odd name": {"ü": "x\"y"}, "none": null,
    "data": {
        "methodName": "kafka.CreateTopics",
        "granted": false, "count": 3, "ratio": 2.5, "big": 9007199254740993,
        "resourceName": "crn://confluent.cloud/kafka=lkc-1/topic=sensitive-payroll",
        "roles": [{"name": "OrganizationAdmin", "scope": ["a", "b"]}, {"name": "Operator", "scope": []}],
        "addresses": ["10.1.2.3", "2001:db8::7", "::ffff:192.168.0.9"], "numbers": [1, 2, 3]
    }
}"#;

fn decide(text: &str) -> Result<bool, String> {
    let (condition, _) = Condition::compile(text).map_err(|problems| format!("{text}: {problems:?}"))?;
    let mut tape = Tape::default();
    let document = tape.read(EVENT.as_bytes()).expect("an object");
    let subject = Subject { view: View::new(&document), topic: "audit" };
    condition.holds(&subject).map_err(|fault| fault.to_string())
}

#[track_caller]
fn all_hold(conditions: &[&str]) {
    for text in conditions {
        assert_eq!(decide(text), Ok(true), "{text}");
        assert_eq!(decide(&format!("!({text}\n)")), Ok(false), "!({text})");
    }
}

#[test]
fn values_are_compared_by_kind() {
    all_hold(&[
        r#"id == "e-1""#,
        r#"id != "e-2""#,
        r#""e-1" == id"#,
        r#"topic == 'audit'"#,
        r#"id in ["x", "e-1",]"#,
        r#"id < "e-2" && id >= "e-1""#,
        "event.data.count == 3",
        "event.data.count == 3.0",
        "event.data.count < 3.5",
        "event.data.ratio > 2",
        "event.data.big == 9007199254740993",
        "event.data.big != 9007199254740992",
        "-1 < 0x0F",
        "event.data.granted == false",
        "event.data.granted != true",
        r#"event.data.granted != "false""#,
        "2 in event.data.numbers",
        r#"!("2" in event.data.numbers)"#,
        r#""10.1.2.3" in event.data.addresses"#,
        r#"event.data.count in [1, 2, 3]"#,
        r#"event.data.methodName == "kafka.CreateTopics""#,
        r#"event.data.methodName != "kafka.createtopics""#,
        r#"event.id == id"#,
        "true == true",
        "1e3 == 1000u",
    ]);
}

#[test]
fn methods_are_compared_without_case() {
    all_hold(&[
        r#"method == "KAFKA.createTopics""#,
        r#"method in ["x", "kafka.CREATETOPICS"]"#,
        r#"method.startsWith("KAFKA.")"#,
        r#"method.endsWith("topics")"#,
        r#"method.contains("CREATE")"#,
        r#"method.matches("^kafka\\.create")"#,
        r#"["delete", "create"].exists(verb, method.contains(verb))"#,
    ]);
}

#[test]
fn what_is_missing_equals_nothing_and_no_function_holds_for_it() {
    all_hold(&[
        "!has(event.gone)",
        r#"!(event.gone == "x")"#,
        r#"event.gone != "x""#,
        r#"!(event.gone in ["x"])"#,
        r#"!event.gone.startsWith("")"#,
        "!(event.gone < 1)",
        "!(event.gone >= 1)",
        "!(size(event.gone) == 0)",
        "!event.gone",
        r#"!event.gone.matches("")"#,
        r#"!inCidr(event.gone, "0.0.0.0/0")"#,
        "event.gone == null",
        "event.none == null",
        "!has(event.none)",
        "event.id != null",
        "!(event.gone == event.gone)",
        "!event.gone.exists(x, true)",
        "event.gone.all(x, false)",
        "has(event.data.roles)",
        "has(id)",
        "!has(event.id.deeper)",
        "!has(event.data.roles[7])",
        r#"!has(event["data"]["x"])"#,
        "!(1 in event.gone)",
    ]);
}

#[test]
fn the_raw_event_is_reached_by_names_texts_and_numbers() {
    all_hold(&[
        r#"event["odd name"].ü == "x\"y""#,
        r#"event.data.roles[0].name == "OrganizationAdmin""#,
        r#"event["data"].roles[1]["name"] == 'Operator'"#,
        "size(event.data.roles) == 2",
        "event.data.addresses.size() == 3",
        "size(event.data.roles[0]) == 2",
        "size(id) == 3",
    ]);
}

#[test]
fn texts_are_searched() {
    all_hold(&[
        r#"event.data.resourceName.contains("sensitive-")"#,
        r#"event.data.resourceName.matches(r"topic=sensitive-\w+$")"#,
        r#"id.upperAscii() == "E-1""#,
        r#"method.lowerAscii() == "kafka.createtopics""#,
        r#"id.startsWith("e")"#,
        r#"!id.startsWith("E")"#,
        r#"id.endsWith("-1")"#,
        r#"matches(id, "e")"#,
        r#"id.startsWith(event.id)"#,
        "'\\u0065\\x2d\\061' == id",
        "'''a'b''' == \"a'b\"",
        "r'\\d' == '\\\\d'",
        "\"\\n\" != \"n\"",
    ]);
}

#[test]
fn lists_are_gone_through() {
    all_hold(&[
        r#"event.data.roles.exists(r, r.name == "OrganizationAdmin" && "b" in r.scope)"#,
        r#"event.data.roles.exists(r, r.scope.exists(s, s == "a") && r.name.startsWith("Org"))"#,
        "event.data.roles.all(r, has(r.name))",
        r#"!event.data.roles.all(r, r.name == "Operator")"#,
        "event.data.numbers.all(n, n > 0)",
        "event.data.numbers.exists(n, n == size(event.data.numbers))",
        r#"event.data.addresses.exists(ip, inCidr(ip, "10.0.0.0/8"))"#,
        r#"event.data.addresses.exists(ip, inCidr(ip, "2001:db8::/32"))"#,
        r#"event.data.addresses.exists(ip, inCidr(ip, ["172.16.0.0/12", "192.168.0.0/16"]))"#,
        r#"!event.data.addresses.exists(ip, inCidr(ip, "11.0.0.0/8"))"#,
        r#"!inCidr(id, "0.0.0.0/0")"#,
        "event.data.roles.exists(a, event.data.roles.exists(b, a.name != b.name))",
        "event.data.roles.all(a, event.data.roles.exists(b, a.name == b.name))",
        r#"event.data.roles.exists(a, a.scope.exists(s, s == "b" && a.name.startsWith("Org")))"#,
    ]);
}

#[test]
fn operators_bind_as_in_cel() {
    all_hold(&[
        "true || false && false",
        "!false && true",
        r#"id == "e-1" && true || false"#,
        r#"(true ? id : "x") == "e-1""#,
        "false ? false : true ? true : false",
        "// a remark\n true // another",
        "!!true",
        "has(id) ? true : false",
    ]);
}

#[test]
fn a_value_of_another_type_is_a_fault_unless_something_else_decides() {
    for text in [
        r#"event.data.count.startsWith("3")"#,
        r#"event.data.granted < 1"#,
        r#"event.data.count < "3""#,
        "event.data.count",
        "1 in event.data.count",
        "event.data.count.exists(x, true)",
        "size(event.data.count) > 0",
        "event.data == event.data",
        r#"inCidr(event.data.count, "10.0.0.0/8")"#,
        "event.data.count && true",
        "event.data.numbers.exists(n, n)",
        r#"event.data.count.matches("3")"#,
        "event.data.count ? true : false",
        "event.data.roles.all(r, r.name > 1)",
    ] {
        assert!(decide(text).is_err_and(|fault| fault.starts_with("at byte")), "{text}: {:?}", decide(text));
    }
    for (text, holds) in [
        ("event.data.count || true", true),
        ("true || event.data.count", true),
        ("event.data.count && false", false),
        ("false && event.data.count", false),
        ("[1, 2].exists(x, x == 2 || event.data.count)", true),
        ("event.data.numbers.exists(n, n == 3 || n)", true),
        ("event.data.numbers.all(n, n != 1 && event.data.count)", false),
    ] {
        assert_eq!(decide(text), Ok(holds), "{text}");
    }
}

/// The part of the condition that is at fault.
#[track_caller]
fn assert_wrong(text: &str, part: &str, cause: &str, remedy: &str) {
    let problems = Condition::compile(text).expect_err(text);
    let found: Vec<_> = problems.iter().map(|p| (p.span.of(text), p.cause.as_str(), p.remedy.as_str())).collect();
    assert_eq!(found, [(part, cause, remedy)], "{text}");
}

#[test]
fn mistakes_in_syntax_name_the_place_and_what_to_write() {
    assert_wrong("", "", "the condition is empty", "write for example `outcome == \"failure\"`");
    assert_wrong("denied = true", "=", "a single `=` compares nothing", "write `==`");
    assert_wrong("denied & has(id)", "&", "a single `&` joins nothing", "write `&&`");
    assert_wrong("denied and has(id)", "and", "`and` joins nothing", "write `&&`");
    assert_wrong("not denied", "not", "`not` negates nothing", "write `!` before what should not hold");
    assert_wrong("(denied", "(", "the bracket that opens here is never closed", "add `)`");
    assert_wrong("denied)", ")", "this `)` closes nothing", "remove it, or add the bracket that opens");
    assert_wrong("id == \"x", "\"", "this text does not end", "end it with `\"`");
    assert_wrong("denied &&", "&&", "after `&&` the condition ends, where a value should come", "complete it");
    assert_wrong("id in (\"a\", \"b\")", "(", "a list stands in square brackets", "write `[\"a\", \"b\"]`");
    assert_wrong(
        "id == \"\\d\"",
        "\\d",
        "`\\d` is no escape",
        "write `\\\\` for a backslash, or put an `r` before the text, as in `r\"\\d+\"`",
    );
    assert_wrong(
        "1 < size(id) < 3",
        "<",
        "a third value cannot be compared in one go",
        "compare two at a time and join them: `a == b && b == c`",
    );
    assert_wrong("id == “x”", "“", "typographic quotation marks enclose no text", "write `\"` or `'`");
    assert_wrong("size(id) + 1 > 2", "+", "`+` calculates nothing here", "conditions know no arithmetic");
    assert_wrong(
        "12x == 1",
        "12x",
        "`12x` is not a number",
        "write digits, for example `10` or `0.5`; a text needs quotation marks",
    );
}

#[test]
fn a_condition_cannot_exhaust_the_stack() {
    let deep = |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(2000), close.repeat(2000));
    for text in [deep("(", "denied", ")"), deep("!", "denied", ""), deep("event[", "0", "]"), deep("[", "1", "]")] {
        let problems = Condition::compile(&text).expect_err("too deep");
        assert!(problems[0].cause.contains("nested more than"), "{problems:?}");
    }
    let long = format!("id == \"{}\"", "x".repeat(20_000));
    assert!(Condition::compile(&long).expect_err("too long")[0].cause.contains("longer than"));
    let wide = format!("denied{}", " && denied".repeat(1500));
    assert!(Condition::compile(&wide).is_ok(), "a long chain is not deep");
    let member = format!("has(event{})", ".a".repeat(5000));
    assert!(Condition::compile(&member).is_ok(), "nor is a long path");
}

#[test]
fn all_mistakes_are_reported_and_what_depends_on_one_is_not() {
    let text = r#"metod == "x" && outcome == 1 && id.startswith("x") && (has(nothere) || denied == "yes")"#;
    let problems = Condition::compile(text).expect_err("wrong");
    let parts: Vec<&str> = problems.iter().map(|problem| problem.span.of(text)).collect();
    assert_eq!(parts, ["metod", "outcome == 1", "startswith", "nothere", r#"denied == "yes""#]);
}

#[test]
fn a_quoted_text_means_itself() {
    for text in ["", "plain", "a\"b\\c'd", "line\nbreak\ttab\u{1}", "ü😀"] {
        let tree = parse::parse(&quoted(text)).expect("a text");
        assert_eq!(tree.kind, syntax::Kind::Text(text.to_owned()));
    }
}
