//! Generated conditions over generated events: the program decides as the reference does.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::{Condition, parse};
use super::reference::{Undecided, Val, World};
use crate::event::{Field, Shape, Tape, View};
use crate::transform::condition::Subject;

const WORDS: [&str; 8] = ["", "a", "B", "ab", "success", "kafka.CreateTopics", "KAFKA.createtopics", "1"];

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(&WORDS).prop_map(super::super::quoted)
}

fn literal() -> impl Strategy<Value = String> {
    let numbers = prop::sample::select(vec!["0", "1", "-1", "1.0", "2.5"]).prop_map(str::to_owned);
    prop_oneof![3 => word(), 2 => numbers, 1 => any::<bool>().prop_map(|holds| holds.to_string())]
}

fn ordered() -> impl Strategy<Value = String> {
    literal().prop_filter("true and false have no order", |literal| literal != "true" && literal != "false")
}

/// A part of the raw event.
fn raw() -> impl Strategy<Value = String> {
    let step = prop::sample::select(vec![".a", ".b", ".l", "[0]", "[1]", "[\"a b\"]"]);
    prop::collection::vec(step, 0..3).prop_map(|steps| format!("event.x{}", steps.concat()))
}

fn text_field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["id", "type", "method", "outcome", "principal", "email", "topic"]).prop_map(str::to_owned)
}

/// Where one side of a choice has no case, neither has.
fn cased_field() -> impl Strategy<Value = String> {
    text_field().prop_filter("the method has no case", |field| field != "method")
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text_field(),
        2 => raw(),
        1 => text_field().prop_map(|field| format!("{field}.lowerAscii()")),
        1 => (raw(), cased_field(), word()).prop_map(|(flag, field, word)| format!("({flag} == 1 ? {field} : {word})")),
    ]
}

fn leaf(variable: Option<&'static str>) -> BoxedStrategy<String> {
    let function = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let order = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let equality = prop::sample::select(vec!["==", "!="]);
    let fixed = prop_oneof![
        Just("denied".to_owned()),
        raw(),
        (text(), equality.clone(), word()).prop_map(|(text, op, word)| format!("{text} {op} {word}")),
        (raw(), equality.clone(), literal()).prop_map(|(raw, op, literal)| format!("{raw} {op} {literal}")),
        (raw(), raw()).prop_map(|(left, right)| format!("{left} == {right}")),
        (raw(), order, ordered()).prop_map(|(raw, op, literal)| format!("{raw} {op} {literal}")),
        (text(), function, word()).prop_map(|(text, function, word)| format!("{text}.{function}({word})")),
        (text(), word(), word()).prop_map(|(text, a, b)| format!("{text} in [{a}, {b}]")),
        (literal(), raw()).prop_map(|(literal, raw)| format!("{literal} in {raw}")),
        (word()).prop_map(|word| format!("{word} in client_ip")),
        text_field().prop_map(|field| format!("has({field}) || {field} == null")),
        raw().prop_map(|raw| format!("has({raw})")),
        Just("has(client_ip)".to_owned()),
        (raw(), 0..4).prop_map(|(raw, n)| format!("size({raw}) >= {n}")),
        (text_field(), 0..4).prop_map(|(field, n)| format!("{field}.size() == {n}")),
    ];
    match variable {
        None => fixed.boxed(),
        Some(name) => {
            let own = prop_oneof![
                Just(name.to_owned()),
                literal().prop_map(move |literal| format!("{name} == {literal}")),
                word().prop_map(move |word| format!("{name}.a == {word}")),
                word().prop_map(move |word| format!("{name}.startsWith({word})")),
                text_field().prop_map(move |field| format!("{field}.contains({name})")),
            ];
            prop_oneof![3 => own, 1 => fixed].boxed()
        }
    }
}

fn condition() -> impl Strategy<Value = String> {
    let function = || prop::sample::select(vec!["exists", "all"]);
    let raw_inner =
        (raw(), function(), leaf(Some("y"))).prop_map(|(list, function, test)| format!("{list}.{function}(y, {test})"));
    let text_inner = (function(), text_field(), word()).prop_map(|(function, field, word)| {
        format!("[\"a\", \"kafka\"].{function}(y, {field}.startsWith(y) || y.contains({word}) || y == {field})")
    });
    let inner = prop_oneof![2 => raw_inner, 1 => text_inner].boxed();
    let outer = (raw(), function(), leaf(Some("z")), literal()).prop_map(|(list, function, test, literal)| {
        format!("{list}.{function}(y, y == {literal} || {test} && y == z)")
    });
    let each = (raw(), function(), prop_oneof![leaf(Some("z")), inner.clone(), outer])
        .prop_map(|(list, function, test)| format!("{list}.{function}(z, {test})"));
    let leaf = prop_oneof![6 => leaf(None), 1 => inner, 1 => each];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|test| format!("!({test})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
        ]
    })
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-1_i64..3).prop_map(Json::from),
        Just(json!(2.5)),
        prop::sample::select(&WORDS).prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let key = prop::sample::select(vec!["a", "b", "l", "a b"]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::hash_map(key, inner, 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Json> {
    let word = || prop::sample::select(&WORDS);
    (json(), word(), prop::option::of(word()), prop::option::of(any::<bool>()), prop::option::of(word())).prop_map(
        |(x, id, method, granted, ip)| {
            let mut data = json!({});
            if let Some(method) = method {
                data["methodName"] = method.into();
            }
            if let Some(granted) = granted {
                data["authorizationInfo"] = json!({"granted": granted});
            }
            if let Some(ip) = ip {
                data["clientAddress"] = json!([{"ip": ip}, {"ip": "10.0.0.1"}]);
            }
            json!({"id": id, "type": "io.confluent.kafka.server/authorization", "data": data, "x": x})
        },
    )
}

fn canonical(view: &View<'_>, topic: &str, name: &str) -> Option<Val> {
    if name == "topic" {
        return Some(Val::Text(topic.to_owned()));
    }
    let field = Field::parse(name)?;
    match field.shape() {
        Shape::Bool => Some(Val::Bool(view.is(field))),
        Shape::Text => view.text(field).map(|text| Val::Text(text.into_owned())),
        Shape::Method => view.text(field).map(|text| Val::Method(text.into_owned())),
        Shape::List => {
            let mut items = Vec::new();
            view.each(field, &mut |text| items.push(Val::Text(text.into_owned())));
            Some(Val::List(items))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]
    #[test]
    fn the_program_decides_as_the_reference_does(text in condition(), event in event()) {
        let (condition, _) = Condition::compile(&text).map_err(|problems| format!("{text}: {problems:?}")).expect("well typed");
        let bytes = event.to_string();
        let mut tape = Tape::default();
        let document = tape.read(bytes.as_bytes()).expect("an object");
        let view = View::new(&document);
        let decided = condition.holds(&Subject { view: view.clone(), topic: "ab" });
        let tree = parse::parse(&text).expect("it was parsed before");
        let expected = World { canonical: &|name| canonical(&view, "ab", name), event: &event }.decide(&tree);
        prop_assert_eq!(decided.map_err(|_| Undecided), expected, "{} of {}", text, bytes);
    }
}
