//! Filters: conditions that are wrong, and rules around them.

use super::super::CANARY;
use super::{Cases, GOOD};

impl Cases {
    /// The good file with these steps of the chain.
    pub(super) fn steps(&mut self, name: &'static str, steps: &[&str]) -> &mut super::Case {
        let steps: String = steps.iter().map(|line| format!("      {line}\n")).collect();
        self.whole(name, format!("{GOOD}    transforms:\n{steps}"))
    }

    /// One rule with this condition, in single quotes.
    fn when(&mut self, name: &'static str, condition: &str) -> &mut super::Case {
        let condition = condition.replace('\'', "''");
        self.steps(name, &["- drop:", "    name: noise", &format!("    when: '{condition}'")])
    }
}

pub(super) fn conditions(cases: &mut Cases) {
    cases.when("condition: a field that is misspelt", r#"metod == "mds.Authorize" && outcome == "success""#);
    cases.when("condition: the event's own name for a field", r#"methodName == "mds.Authorize""#);
    cases.when("condition: a path into the event without the event", r#"data.methodName == "mds.Authorize""#);
    cases.when("condition: a name that nobody knows", r#"colour == "blue""#);
    cases.when("condition: a flag compared with a text", r#"method == "mds.Authorize" && denied == "false""#);
    cases.when("condition: a flag compared with a word", r#"denied == "DENY""#);
    cases.when("condition: an assignment", r#"outcome = "success""#);
    cases.when("condition: a single ampersand", r#"outcome == "success" & !denied"#);
    cases.when("condition: joined in English", r#"outcome == "success" and !denied"#);
    cases.when("condition: a text without quotation marks", "method == CreateTopics");
    cases.when(
        "condition: a text with a dot without quotation marks",
        "method in [kafka.CreateTopics, kafka.DeleteTopics]",
    );
    cases.when("condition: a list taken for a text", r#"client_ip.startsWith("10.")"#);
    cases.when("condition: a list compared with a text", r#"client_ip == "10.1.2.3""#);
    cases.when("condition: a text taken for a list", r#""mds" in method"#);
    cases.when("condition: round brackets around a list", r#"method in ("mds.Authorize", "kafka.Fetch")"#);
    cases.when("condition: not a regular expression", r#"method.matches("^kafka\\.(Create|Delete")"#);
    cases.when("condition: an escape that is none", r#"method.matches("^kafka\.")"#);
    cases.when("condition: a function that is misspelt", r#"method.startswith("kafka.")"#);
    cases.when("condition: a function of another language", r#"like(method, "kafka.%")"#);
    cases.when(
        "condition: a function of CEL that is not there",
        r#"timestamp(time) > timestamp("2026-01-01T00:00:00Z")"#,
    );
    cases.when("condition: too many arguments", r#"method.startsWith("kafka.", "mds.")"#);
    cases.when("condition: a bracket that is not closed", r#"outcome == "success" && (method == "a" || method == "b""#);
    cases.when("condition: a text that does not end", r#"outcome == "success"#);
    cases.when("condition: half of one", r#"outcome == "success" &&"#);
    cases.when("condition: no condition but a text", "method");
    cases.when("condition: not a network", r#"client_ip.exists(ip, inCidr(ip, "10.0.0.0/33"))"#);
    cases.when("condition: empty", " ");
    cases.when("condition: several mistakes", r#"metod == "x" || outcome == 1 || email.size() > "3" || has("x")"#);
    let folded = [
        "- drop:",
        "    name: noise",
        "    when: >-",
        "      outcome == \"success\" &&",
        "      method.startswith(\"mds.\") &&",
        "      !denied",
    ];
    cases.steps("condition: folded over several lines", &folded);
    let flow = [r#"- drop: {name: noise, when: 'outcome == "success" && granted', topics: [audit]}"#];
    cases.steps("condition: beside other keys", &flow);
    let long = (0..12).map(|n| format!("method == \"kafka.Number{n}\"")).collect::<Vec<_>>().join(" || ");
    cases.when("condition: a long one", &format!("{long} || metod == \"x\" || {long}"));
    cases.steps(
        "condition: with escapes of YAML",
        &["- drop: {name: noise, when: \"outcome == \\u0022success\\\" && x\"}"],
    );
    let case = cases.steps("condition: from a reference", &["- drop: {name: noise, when: '${CONDITION}'}"]);
    case.environment.push(("CONDITION".to_owned(), format!("method == {CANARY}")));
}

pub(super) fn rules(cases: &mut Cases) {
    cases.steps("filter: an unknown step", &["- dorp: {name: noise, when: denied}"]);
    let second = ["- dorp: {name: noise, when: denied}", "- drop: {name: noise, when: granted}"];
    cases.steps("filter: an unknown step, and a mistake in the next", &second);
    cases.steps("filter: no name", &["- drop: {when: denied}"]);
    cases.steps("filter: no condition", &["- keep: {name: noise}"]);
    cases.steps("filter: a condition and a preset", &["- drop: {preset: routine, when: denied}"]);
    cases.steps("filter: a preset of the other kind", &["- drop: {preset: security}"]);
    cases.steps("filter: a name that is no label", &["- drop: {name: 'my rule', when: denied}"]);
    cases.steps("filter: two of one name", &["- drop: {preset: routine}", "- keep: {name: routine, when: denied}"]);
    cases.steps("filter: one in one", &["- drop: {preset: routine, keep_one_in: 1}"]);
    cases.steps("filter: a sample of what is kept", &["- keep: {preset: security, keep_one_in: 10}"]);
    cases.steps("filter: no topic", &["- drop: {preset: routine, topics: []}"]);
    cases.steps("filter: not a topic", &["- drop: {preset: routine, topics: ['audit-.*']}"]);
    cases.steps("filter: no list of steps", &["drop: {preset: routine}"]);
    cases.steps("filter: an empty prefix", &["- monitor: {prefix: ''}"]);
}

pub(super) fn warnings(cases: &mut Cases) {
    for (name, condition) in [
        ("condition: a word that a field never holds", r#"outcome == "denied""#),
        ("condition: a misspelt word in a list", r#"verb in ["create", "updated"] && !denied"#),
        ("condition: compared with an empty text", r#"email == "" && !denied"#),
        ("condition: a member in the wrong place", r#"event.methodName == "mds.Authorize""#),
    ] {
        cases.when(name, condition).only_warns = true;
    }
}
